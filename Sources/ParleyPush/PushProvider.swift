public import ParleyModel

/// Hands notifications to a push service.
///
/// A provider may be asked to send the same notification again, after a crash or a late answer; the message id tells.
/// It is called from many tasks at once, and decides itself what leaves together.
public protocol PushProvider: Sendable {
    /// Short and constant: it labels metrics and stands in logs and reasons.
    var name: String { get }

    /// The kinds of devices it can reach.
    var deviceKinds: Set<DeviceKind> { get }

    /// A capability: whether it also takes notifications for recipients who have no device.
    var deliversWithoutDevice: Bool { get }

    /// Tries once, and answers within a bounded time. Repeating is the worker's business.
    func send(_ notification: PushNotification) async -> PushAnswer
}

/// What became of a notification. Reasons are for the operator, and carry neither message text nor device tokens.
public enum PushAnswer: Sendable, Equatable {
    /// The push service has it.
    case accepted
    /// It may work later, at the earliest after that many seconds if the push service said so. Also the answer for
    /// whatever an operator can mend, such as expired credentials: retries end as dead letters, which can be replayed.
    case retry(after: Double?, reason: String)
    /// It can never work, for this notification: too large, malformed. Not tried again.
    case rejected(reason: String)
    /// The push service does not know the device any more. The worker forgets it.
    case deviceGone
}

/// What one device, or one recipient without a device, is told of a message.
public struct PushNotification: Sendable, Equatable {
    public let messageID: MessageID
    public let conversationID: ConversationID
    public let senderID: UserID
    public let recipientID: UserID
    /// Nil only for a provider that delivers without device.
    public let device: Device?
    public let preview: String
    /// Nil when whoever queued the job did not say.
    public let sequenceNumber: Int64?
    /// When the message was created.
    public let createdAt: Timestamp

    public init(
        messageID: MessageID, conversationID: ConversationID, senderID: UserID, recipientID: UserID, device: Device?,
        preview: String, sequenceNumber: Int64?, createdAt: Timestamp
    ) {
        self.messageID = messageID
        self.conversationID = conversationID
        self.senderID = senderID
        self.recipientID = recipientID
        self.device = device
        self.preview = preview
        self.sequenceNumber = sequenceNumber
        self.createdAt = createdAt
    }
}
