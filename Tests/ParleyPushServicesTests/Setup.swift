import NIOPosix
import ParleyCore
import ParleyModel
import ParleyPush
import ParleyPushStandIns
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyPushServices

/// Apple's stand-in and a provider that trusts it, with a clock moved by hand.
struct APNsScene {
    static let topic = "org.example.chat"
    static let token = String(repeating: "0a1B", count: 16)

    let time: ManualTimeSource
    let standIn: APNsStandIn
    let provider: APNsPushProvider

    static func run(
        limits: PushServiceLimits = .patient, _ change: (inout APNsConfiguration) -> Void = { _ in },
        _ body: (APNsScene) async throws -> Void
    ) async throws {
        await SceneTurns.shared.take()
        defer { SceneTurns.shared.give() }
        let time = ManualTimeSource()
        let standIn = APNsStandIn(time: time)
        try await standIn.start(group: MultiThreadedEventLoopGroup.singleton)
        let client = try PushHTTPClient(limits: limits, trustRoots: standIn.trustRoots)
        var configuration = try APNsConfiguration(
            key: APNsKey(pem: standIn.keyPEM), keyID: standIn.configuration.keyID, teamID: standIn.configuration.teamID, topic: topic,
            url: standIn.url)
        configuration.limits = limits
        change(&configuration)
        let provider = APNsPushProvider(configuration, client: client, time: time)
        do { try await body(APNsScene(time: time, standIn: standIn, provider: provider)) } catch { Issue.record(error) }
        await client.close()
        try await standIn.close()
    }

    func send(_ content: PushContent = .message(.sample()), to token: String = token, badge: Int64? = 3) async -> PushAnswer {
        await provider.send(.sample(content, to: .apns(token: token), badge: badge, at: time.now()))
    }

    /// Distinct provider tokens among the requests that are kept.
    var bearers: Set<String> { Set(standIn.record.requests.compactMap { $0.field("authorization") }) }
}

/// Google's stand-in and a provider that trusts it, with a clock moved by hand.
struct FCMScene {
    static let token = "dQw4w9WgXcQ:APA91bH-sample_token"

    let time: ManualTimeSource
    let standIn: FCMStandIn
    let provider: FCMPushProvider

    static func run(
        limits: PushServiceLimits = .patient, _ change: (inout FCMConfiguration) -> Void = { _ in },
        _ body: (FCMScene) async throws -> Void
    ) async throws {
        await SceneTurns.shared.take()
        defer { SceneTurns.shared.give() }
        let time = ManualTimeSource()
        let standIn = FCMStandIn(time: time)
        try await standIn.start(group: MultiThreadedEventLoopGroup.singleton)
        let client = try PushHTTPClient(limits: limits, trustRoots: standIn.trustRoots)
        var configuration = try FCMConfiguration(account: FCMServiceAccount(json: standIn.serviceAccount()), url: standIn.url)
        configuration.limits = limits
        change(&configuration)
        let provider = FCMPushProvider(configuration, client: client, time: time)
        do { try await body(FCMScene(time: time, standIn: standIn, provider: provider)) } catch { Issue.record(error) }
        await client.close()
        try await standIn.close()
    }

    func send(_ content: PushContent = .message(.sample()), to token: String = token, badge: Int64? = 3) async -> PushAnswer {
        await provider.send(.sample(content, to: .fcm(token: token), badge: badge, at: time.now()))
    }

    /// Distinct access tokens among the requests that are kept.
    var bearers: Set<String> { Set(standIn.record.requests.compactMap { $0.field("authorization") }) }
}

/// Scenes take turns: a hundred handshakes at once, unoptimised and on two cores, take longer than a request may.
final class SceneTurns: Sendable {
    static let shared = SceneTurns()

    private let state = Mutex((free: 3, waiting: [CheckedContinuation<Void, Never>]()))

    func take() async {
        await withCheckedContinuation { continuation in
            let isMine = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isMine { continuation.resume() }
        }
    }

    func give() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            if state.waiting.isEmpty { state.free += 1 }
            return state.waiting.isEmpty ? nil : state.waiting.removeFirst()
        }
        next?.resume()
    }
}

extension PushServiceLimits {
    /// Where a test is not about time: machines may be slow.
    static var patient: PushServiceLimits {
        var limits = PushServiceLimits()
        limits.answerSeconds = 60
        limits.connectSeconds = 60
        return limits
    }

    /// For tests in which nobody answers.
    static var impatient: PushServiceLimits {
        var limits = PushServiceLimits()
        // For tests in which nothing comes. What does come may take seconds on a machine that runs many tests at once.
        limits.answerSeconds = 6
        return limits
    }
}

extension PushMessage {
    static func sample(title: String? = "Ada", text: String? = "Hello", count: Int = 1, id: UInt32 = 1) -> PushMessage {
        PushMessage(
            messageID: MessageID(high: 7, low: id), conversationID: .sample, senderID: UserID(high: 0, low: 5), sequenceNumber: 42,
            createdAt: Sample.start, title: title, text: text, count: count)
    }
}

extension ConversationID {
    static let sample = ConversationID(high: 0xA000_0000_0000_4000, low: 0x8000_0000_0000_0001)
}

extension PushContent {
    static let read = PushContent.read(PushRead(conversationID: .sample, lastReadSequence: 42))
}

extension PushNotification {
    static func sample(_ content: PushContent, to address: PushAddress, badge: Int64?, at now: Timestamp) -> PushNotification {
        let user = UserID(high: 0, low: 9)
        let device = Device(id: DeviceID(high: 0, low: 77), userID: user, address: address, name: nil, createdAt: Sample.start)
        return PushNotification(
            content: content, recipientID: user, device: device, badge: badge, expiresAt: now.advanced(bySeconds: 3600))
    }
}

/// The body as JSON, for looking into it.
extension StandInRequest {
    var json: JSONObject {
        get throws {
            guard case .object(let object) = try JSONParser.parse(body) else { throw NotAnObject() }
            return object
        }
    }
}

struct NotAnObject: Error {}

extension JSONObject {
    subscript(path: [String]) -> JSONValue? {
        var value: JSONValue? = .object(self)
        for name in path {
            guard case .object(let object)? = value else { return nil }
            value = object[name]
        }
        return value
    }
}

extension PushAnswer {
    var isRetry: Bool {
        switch self {
        case .retry, .unanswered: true
        case .accepted, .rejected, .deviceGone: false
        }
    }

    var isAccepted: Bool {
        if case .accepted = self { true } else { false }
    }

    var reason: String {
        switch self {
        case .retry(_, let reason), .unanswered(_, let reason), .rejected(let reason): reason
        case .accepted, .deviceGone: ""
        }
    }
}
