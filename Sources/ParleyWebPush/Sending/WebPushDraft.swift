import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleyCore
import ParleyModel
import ParleyPush

/// A notification for a browser, checked, and not yet encrypted.
struct WebPushDraft {
    /// Why a notification can never be sent.
    struct Refusal: Error, Equatable {
        let reason: String
    }

    /// Four weeks: push services keep nothing for longer, and some refuse what asks for more.
    static let maxTimeToLiveSeconds = 28.0 * 86_400

    let endpoint: PushEndpoint
    let notification: PushNotification
    private let keys: SubscriptionKeys

    static func make(_ notification: PushNotification, _ rule: EndpointRule, at now: Timestamp) -> Result<WebPushDraft, Refusal> {
        guard case .webPush(let subscription)? = notification.device?.address else {
            return .failure(Refusal(reason: "the device has no subscription for Web Push"))
        }
        guard now < notification.expiresAt else { return .failure(Refusal(reason: "expired before it was sent")) }
        guard let endpoint = PushEndpoint(subscription.endpoint) else {
            return .failure(Refusal(reason: "the endpoint must be an https address"))
        }
        if let complaint = rule.complaint(about: endpoint) { return .failure(Refusal(reason: "the endpoint \(complaint)")) }
        if case .read = notification.content, endpoint.forbidsSilence {
            return .failure(Refusal(reason: "Safari takes the permission away from pages that get silent updates"))
        }
        do throws(SubscriptionKeys.Fault) {
            return .success(WebPushDraft(endpoint: endpoint, notification: notification, keys: try SubscriptionKeys(subscription)))
        } catch {
            return .failure(Refusal(reason: "\(error.field) \(error.complaint)"))
        }
    }

    func request(token: String, paddingBytes: Int, at now: Timestamp) throws -> HTTPClientRequest {
        let plaintext = WebPushPayload.json(notification)
        let paddedLength = (plaintext.count + paddingBytes - 1) / max(paddingBytes, 1) * max(paddingBytes, 1)
        let seconds = min(notification.expiresAt.seconds(since: now), Self.maxTimeToLiveSeconds)
        var request = HTTPClientRequest(url: endpoint.url)
        request.method = .POST
        request.headers.add(name: "Authorization", value: token)
        request.headers.add(name: "Content-Encoding", value: "aes128gcm")
        request.headers.add(name: "Content-Type", value: "application/octet-stream")
        request.headers.add(name: "TTL", value: String(max(Int(seconds.rounded(.up)), 0)))
        request.headers.add(name: "Urgency", value: notification.content.urgency)
        request.headers.add(name: "Topic", value: WebPushTopic.text(notification.content, authSecret: keys.authSecret))
        request.body = .bytes(ByteBuffer(bytes: try MessageEncryption().body(plaintext, to: keys, paddedLength: paddedLength)))
        return request
    }
}

extension PushContent {
    /// RFC 8030, section 5.3. High wakes a phone that saves its battery; what was read elsewhere can wait until it is awake.
    fileprivate var urgency: String {
        switch self {
        case .message: "high"
        case .read: "low"
        }
    }
}

extension PushEndpoint {
    /// Apple's push service counts pushes that show nothing, and ends the permission after a few.
    var forbidsSilence: Bool { host == "web.push.apple.com" || host.hasSuffix(".push.apple.com") }

    /// What stands for the device: all after the host.
    var secret: String {
        let start = url.dropFirst(isEncrypted ? 8 : 7)
        return String(start.drop { !"/?#".contains($0) }.dropFirst())
    }
}
