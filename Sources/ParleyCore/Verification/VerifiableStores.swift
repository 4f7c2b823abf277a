public import ParleyModel

/// A message as far as numbers and counts go.
public struct MessageHead: Sendable, Equatable {
    public let id: MessageID
    public let conversationID: ConversationID
    public let sequenceNumber: Int64
    public let senderID: UserID

    public init(id: MessageID, conversationID: ConversationID, sequenceNumber: Int64, senderID: UserID) {
        self.id = id
        self.conversationID = conversationID
        self.sequenceNumber = sequenceNumber
        self.senderID = senderID
    }
}

/// A number of a conversation.
public struct MessagePlace: Sendable, Hashable {
    public let conversationID: ConversationID
    public let sequenceNumber: Int64

    public init(conversationID: ConversationID, sequenceNumber: Int64) {
        self.conversationID = conversationID
        self.sequenceNumber = sequenceNumber
    }
}

/// What ``ClusterVerifier`` and ``MetadataRepair`` ask of the engine that keeps messages. Everything read is durable, and whatever
/// was stored before a call is seen by it.
public protocol VerifiableMessages: Sendable {
    /// What must be there for messages to be read in order; a sentence each for what is missing. Nothing else can be asked
    /// then.
    func obstacles() async throws(StoreError) -> [String]

    /// Sentences about messages that stand in no conversation's order, because they name none that could exist.
    func strays() async throws(StoreError) -> [String]

    /// Messages by conversation and number, from `place` on, that one included, up to and including the conversation
    /// `through`; nil for no bound.
    func heads(from place: MessagePlace?, through: ConversationID?, limit: Int) async throws(StoreError) -> [MessageHead]

    /// The messages with those numbers, as far as there are any.
    func messages(at places: [MessagePlace]) async throws(StoreError) -> [Message]

    /// The highest numbers of those conversations that have messages.
    func lastNumbers(of conversations: [ConversationID]) async throws(StoreError) -> [ConversationID: Int64]

    /// How many messages have a key that a message before them has.
    func repeatedKeyCount() async throws(StoreError) -> Int64
}

/// What ``ClusterVerifier`` and ``MetadataRepair`` ask of the engine that keeps conversations.
public protocol VerifiableConversations: Sendable {
    /// The next conversations by id, as many as fit in memory with their participants, all read at one moment; none at the
    /// end.
    func page(after id: ConversationID?) async throws(StoreError) -> [ConversationFacts]

    /// Up to where metadata are applied now. Conversations that do not exist are left out.
    func appliedSequences(of ids: [ConversationID]) async throws(StoreError) -> [ConversationID: Int64]

    /// The same of the next conversations by id; none at the end.
    func appliedSequences(after id: ConversationID?, limit: Int) async throws(StoreError) -> [(id: ConversationID, last: Int64)]
}
