import ParleyCore
import ParleyModel
import ParleyPush
import Synchronization

enum Sample {
    struct NoObject: Error {}

    static let messageID = MessageID(high: 0x0102_0304_0506_0708, low: 0x090A_0B0C)
    static let conversationID = ConversationID("2b7c1a90-3e4d-4f5a-8c6b-7d8e9fa0b104") ?? .random()
    static let senderID = UserID("ada00000-0000-4000-8000-000000000001") ?? .random()
    static let recipientID = UserID("be200000-0000-4000-8000-000000000002") ?? .random()
    static let now = Timestamp(milliseconds: 1_800_000_000_000)

    static func message(id: MessageID = messageID, title: String? = "Ada", text: String? = "Hello", count: Int = 1) -> PushMessage {
        PushMessage(
            messageID: id, conversationID: conversationID, senderID: senderID, sequenceNumber: 12, createdAt: now, title: title, text: text,
            count: count)
    }

    static func notification(
        _ content: PushContent = .message(message()), to subscription: WebPushSubscription? = nil, badge: Int64? = 1,
        expiresAt: Timestamp = SystemTimeSource().now().advanced(bySeconds: 3600)
    ) -> PushNotification {
        let device = subscription.map {
            Device(id: .random(), userID: recipientID, address: .webPush($0), name: nil, createdAt: now)
        }
        return PushNotification(content: content, recipientID: recipientID, device: device, badge: badge, expiresAt: expiresAt)
    }
}

/// A clock that is moved by hand.
final class Clock: TimeSource {
    private let time: Mutex<Timestamp>

    init(_ time: Timestamp = Sample.now) { self.time = Mutex(time) }

    func now() -> Timestamp { time.withLock { $0 } }
    func advance(_ seconds: Double) { time.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}

final class Counter: Sendable {
    private let state = Mutex(0)

    var count: Int { state.withLock { $0 } }
    func add() { state.withLock { $0 += 1 } }
}
