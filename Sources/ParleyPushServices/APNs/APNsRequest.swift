import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import ParleyModel
import ParleyPush

/// What is sent to APNs, but for the provider token.
struct APNsRequest: Sendable {
    /// Apple's tokens have 64 digits today, and may grow.
    static let maxTokenDigits = 400

    let url: String
    let fields: [(String, String)]
    let payload: [UInt8]

    /// Nil when the token is not made of hexadecimal digits: it would not even be a path.
    init?(_ notification: PushNotification, device: Device, token: String, configuration: APNsConfiguration) {
        guard Self.isToken(token) else { return nil }
        url = "\(configuration.url)/3/device/\(token)"
        payload = APNsPayload(genericAlert: configuration.genericAlert, sound: configuration.sound).bytes(notification)
        let kind = notification.apnsKind
        var fields = [
            ("apns-id", notification.uuid(of: device)),
            ("apns-topic", configuration.topic),
            ("apns-push-type", kind.pushType),
            ("apns-priority", kind.priority),
            ("apns-expiration", "\(max(0, notification.expiresAt.milliseconds / 1000))"),
        ]
        if let id = notification.apnsCollapseID { fields.append(("apns-collapse-id", id)) }
        self.fields = fields
    }

    private static func isToken(_ token: String) -> Bool {
        (1...maxTokenDigits).contains(token.utf8.count)
            && token.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
            }
    }

    func http(bearer: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = .POST
        request.headers = HTTPHeaders([("authorization", "bearer \(bearer)")] + fields)
        request.body = .bytes(ByteBuffer(bytes: payload))
        return request
    }
}

struct APNsKind {
    let pushType: String
    let priority: String
}

extension PushNotification {
    /// How Apple has to be told what this is.
    ///
    /// What was read elsewhere goes out with the type `alert`, although nobody sees an alert of it: it sets the badge, and a
    /// notification of the type `background` must not hold `badge`, `alert` or `sound` (Apple: "Pushing background updates to
    /// your App"), while `alert` is the type for whatever shows, sounds or sets a badge ("Sending notification requests to
    /// APNs"). The system sets the number itself then, also of an app that was swiped away, and it does not hold the update
    /// back as it does with background ones beyond two or three an hour; `content-available` wakes the app beside that, so that
    /// it removes its alerts. Only without a number is it a `background` notification. Priority 5 in both cases: 10 is for
    /// what a person is to notice at once.
    var apnsKind: APNsKind {
        switch content {
        case .message: APNsKind(pushType: "alert", priority: "10")
        case .read: APNsKind(pushType: badge == nil ? "background" : "alert", priority: "5")
        }
    }

    /// What it takes the place of: a repeat of the same message, or the conversation's last summary. At most 64 bytes.
    var apnsCollapseID: String? {
        switch content {
        case .message(let message): message.count > 1 ? message.conversationID.description : message.messageID.description
        case .read: nil
        }
    }
}
