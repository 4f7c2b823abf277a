public import ParleyModel

/// What one device, or one recipient without a device, is told.
public struct PushNotification: Sendable, Equatable {
    /// From the message's creation on: who was away for longer looks at the conversations anyway.
    public static let defaultLifetimeSeconds = 7.0 * 86_400

    public let content: PushContent
    public let recipientID: UserID
    /// Nil only for a provider that delivers without device.
    public let device: Device?
    /// The recipient's unread messages in all conversations, as the API counts them: 0 takes the number off the app's icon.
    /// Nil without device, where no icon shows it, and when it could not be counted; then the icon stays as it is.
    public let badge: Int64?
    /// From then on it is worth nothing: it is not sent any more, and push services are told to drop it.
    public let expiresAt: Timestamp

    public init(content: PushContent, recipientID: UserID, device: Device?, badge: Int64?, expiresAt: Timestamp) {
        self.content = content
        self.recipientID = recipientID
        self.device = device
        self.badge = badge
        self.expiresAt = expiresAt
    }
}

public enum PushContent: Sendable, Equatable {
    /// An alert that a person sees.
    case message(PushMessage)
    /// A silent update: the conversation was read elsewhere, so the app removes its alerts and sets the badge.
    case read(PushRead)

    public var conversationID: ConversationID {
        switch self {
        case .message(let message): message.conversationID
        case .read(let read): read.conversationID
        }
    }
}

/// An alert of a message, or of several messages of one conversation, of which this is the newest.
public struct PushMessage: Sendable, Equatable {
    public let messageID: MessageID
    public let conversationID: ConversationID
    public let senderID: UserID
    /// Nil when whoever queued the job did not say.
    public let sequenceNumber: Int64?
    /// When the message was created.
    public let createdAt: Timestamp
    /// Who writes, or where. Nil when it is not known, or not to be told to push services.
    public let title: String?
    /// What is shown of the message. Nil when it is not to be told to push services: the app fetches the message by its id.
    public let text: String?
    /// How many messages the alert stands for: more than 1 replaces the conversation's alerts by one.
    public let count: Int

    public init(
        messageID: MessageID, conversationID: ConversationID, senderID: UserID, sequenceNumber: Int64?, createdAt: Timestamp,
        title: String?, text: String?, count: Int = 1
    ) {
        self.messageID = messageID
        self.conversationID = conversationID
        self.senderID = senderID
        self.sequenceNumber = sequenceNumber
        self.createdAt = createdAt
        self.title = title
        self.text = text
        self.count = count
    }
}

/// A conversation read by its user on one device, told to the others.
public struct PushRead: Sendable, Equatable {
    public let conversationID: ConversationID
    /// Alerts of messages up to this number are out of date.
    public let lastReadSequence: Int64

    public init(conversationID: ConversationID, lastReadSequence: Int64) {
        self.conversationID = conversationID
        self.lastReadSequence = lastReadSequence
    }
}
