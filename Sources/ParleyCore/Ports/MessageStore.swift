public import ParleyModel

/// A message that has passed every check and waits for its number.
public struct NewMessage: Sendable, Equatable {
    public let id: MessageID
    public let conversationID: ConversationID
    public let senderID: UserID
    public let clientMessageID: String?
    public let messageType: MessageType
    public let content: String
    public let mediaIDs: [MediaID]
    public let createdAt: Timestamp
    /// What the conversation will say of this message while it is the last one.
    public let preview: String

    public init(
        id: MessageID, conversationID: ConversationID, senderID: UserID, clientMessageID: String?, messageType: MessageType,
        content: String, mediaIDs: [MediaID], createdAt: Timestamp, preview: String
    ) {
        self.id = id
        self.conversationID = conversationID
        self.senderID = senderID
        self.clientMessageID = clientMessageID
        self.messageType = messageType
        self.content = content
        self.mediaIDs = mediaIDs
        self.createdAt = createdAt
        self.preview = preview
    }

    /// The message as stored under that number.
    public func numbered(_ sequenceNumber: Int64) -> Message {
        Message(
            id: id, conversationID: conversationID, senderID: senderID, clientMessageID: clientMessageID,
            messageType: messageType, content: content, mediaIDs: mediaIDs, sequenceNumber: sequenceNumber, createdAt: createdAt)
    }
}

/// What became of one message of an append.
public enum AppendOutcome: Sendable, Equatable {
    /// Stored, durable, at this place in the log.
    case stored(Message, LogPosition)
    /// The key was there already: the first message that carried it, whatever it says.
    case repeated(Message)
    /// The conversation does not exist.
    case noConversation
}

/// Which part of a history is wanted.
public enum HistoryQuery: Sendable, Equatable {
    /// The newest messages.
    case newest
    case after(Int64)
    case before(Int64)
    /// About half of the page up to and including this number, the rest after it.
    case around(Int64)
}

/// Messages of a history, ascending.
public struct History: Sendable, Equatable {
    public let messages: [Message]
    public let hasMore: Bool
    public let lastSequence: Int64

    public init(messages: [Message], hasMore: Bool, lastSequence: Int64) {
        self.messages = messages
        self.hasMore = hasMore
        self.lastSequence = lastSequence
    }
}

/// Remembers messages: the one place where they get their numbers.
///
/// - Numbers: each conversation's messages are 1, 2, 3, … in the order in which they were appended; no number is used
///   twice, none is missing, and a reader who sees n+1 sees n (P2).
/// - Durability: when `append` returns, what it reports as stored survives a crash of the process and a power cut (P1).
/// - Keys: a (conversation, sender, client message id) that is stored already is never stored again, also within one
///   batch and in concurrent appends; the outcome is then the first message (P3).
public protocol MessageStore: Sendable {
    /// Whether `append` itself also applies the conversation's metadata and counts, in the same atomic step. Where it
    /// does not, the caller applies them through ``ConversationStore/apply(_:)``.
    var appliesMetadata: Bool { get }

    /// Stores the messages in this order, as one atomic step for each conversation in the batch, and tells the outcome
    /// of each in the same order. When it throws, nothing of the batch is stored, or ``StoreError/outcomeUnknown(_:)``
    /// says that this cannot be known; then the batch may be appended again only under the same client message ids.
    func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome]

    /// A part of a conversation's history, read from one snapshot. An unknown conversation has an empty history.
    func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History

    /// The newest numbers of the conversations that got messages after a mark, and the mark to ask from next time, which
    /// covers all messages stored by then. Without a mark: no numbers, only the mark. It may tell of a conversation again;
    /// it never leaves one out.
    func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads

    /// The message with this key, if any.
    func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async throws(StoreError) -> Message?
}

/// A moment in a store's life, for asking what came after it. Opaque but for being kept as a number.
public struct ActivityMark: Hashable, Sendable, Comparable {
    public let value: Int64

    public init(_ value: Int64) { self.value = value }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// The newest numbers of the conversations that got messages.
public struct ActivityHeads: Sendable, Equatable {
    public let mark: ActivityMark
    public let sequences: [ConversationID: Int64]

    public init(mark: ActivityMark, sequences: [ConversationID: Int64]) {
        self.mark = mark
        self.sequences = sequences
    }
}

/// A place in the order in which a node's messages were stored, over all conversations.
public struct LogPosition: Hashable, Sendable, Comparable {
    public let value: Int64
    public static let start = LogPosition(0)

    public init(_ value: Int64) { self.value = value }

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

public struct LoggedMessage: Sendable, Equatable {
    public let message: Message
    public let position: LogPosition

    public init(message: Message, position: LogPosition) {
        self.message = message
        self.position = position
    }
}

/// The stored messages in the order of storing, with a mark up to where their effects (publish, notify) are done.
///
/// The messages themselves are the to-do list: whatever lies after the mark is due, also after a crash (P5).
public protocol EffectLog: Sendable {
    /// The mark: effects of all messages up to here are done. ``LogPosition/start`` in a new store.
    func checkpoint() async throws(StoreError) -> LogPosition

    /// The newest position; ``LogPosition/start`` in an empty store.
    func lastPosition() async throws(StoreError) -> LogPosition

    /// The messages that follow a position, in order, at most `limit`.
    func messages(after position: LogPosition, limit: Int) async throws(StoreError) -> [LoggedMessage]

    /// Moves the mark forward. A position behind it changes nothing. Ordered after every write that the caller has
    /// awaited or submitted before.
    func advance(to position: LogPosition) async throws(StoreError)
}
