public import ParleyModel

/// What the side that keeps conversations asks of the side that keeps messages, where the two are different engines.
public protocol MessageFacts: Sendable {
    /// The conversations in which a medium was sent, each once, in no order.
    func conversations(inWhichWasSent id: MediaID) async throws(StoreError) -> [ConversationID]

    /// The smallest number of each conversation that was stored after a time, by the messages' `created_at`. Conversations
    /// without one are left out.
    func firstSequence(in conversations: [ConversationID], storedAfter time: Timestamp) async throws(StoreError)
        -> [ConversationID: Int64]

    /// How many of a conversation's messages with numbers above `after`, up to and including `through`, a user sent.
    func sentCount(in conversation: ConversationID, by user: UserID, after: Int64, through: Int64) async throws(StoreError) -> Int64
}
