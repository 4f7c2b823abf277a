public import ParleyCore
public import ParleyModel
import Synchronization

/// Messages in MongoDB, for any number of nodes that append to the same conversations at once.
///
/// Which conversations exist, and their newest numbers over all of them, are the knowledge of another store: both are
/// handed in. Metadata are left to the caller (``appliesMetadata`` is false).
///
/// A ``ParleyCore/LogPosition`` is this store object's own count of what it stored, from 1: it orders the messages of one
/// run of one node and means nothing to another. What is due after a crash is found through ``ParleyCore/RepairLog``.
public final class MongoMessageStore: MessageStore {
    /// Those of some conversations that exist.
    public typealias Existing = @Sendable (Set<ConversationID>) async throws(StoreError) -> Set<ConversationID>
    /// See ``ParleyCore/MessageStore/heads(after:)``.
    public typealias Heads = @Sendable (ActivityMark?) async throws(StoreError) -> ActivityHeads

    let database: MongoDatabase
    private let existing: Existing
    private let newestHeads: Heads
    private let knownNumbers: BoundedCache<ConversationID, Int64>
    private let knownConversations: BoundedCache<ConversationID, Bool>
    private let stored = Atomic<Int64>(0)

    /// - Parameters:
    ///   - conversationExists: Asked only of conversations that are not known to exist; that they do is remembered, since
    ///     conversations are never removed.
    ///   - heads: Answers ``heads(after:)``.
    public init(_ database: MongoDatabase, conversationExists: @escaping Existing, heads: @escaping Heads) {
        self.database = database
        existing = conversationExists
        newestHeads = heads
        knownNumbers = BoundedCache(limit: database.configuration.maxRemembered)
        knownConversations = BoundedCache(limit: database.configuration.maxRemembered)
    }

    public var appliesMetadata: Bool { false }

    // MARK: Appending

    /// Each conversation's messages are stored in order and without a hole, but a batch is not one atomic step: when the
    /// engine fails in the middle, a part of it may be stored, and the error is `outcomeUnknown`.
    ///
    /// A lost connection, a step-down or a majority that does not answer in time is settled by reading before anything is
    /// repeated, answered or refused; `outcomeUnknown` says that this could not be done in time either.
    public func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome] {
        let known = try await knownAmong(Set(batch.map(\.conversationID)))
        let distinct = DistinctBatch(batch) { known.contains($0) }
        let settled = try await append(fresh: distinct.messages)
        return distinct.outcomes(of: settled, nextPosition)
    }

    /// What the caller knows already and the next append there would have to ask: the conversation exists, and its messages up
    /// to this number are stored, by a majority. A number that is too low costs that append a second try and does no harm; one
    /// that is too high would leave a hole.
    public func remember(_ conversation: ConversationID, lastSequence: Int64) {
        knownConversations.keep(true, for: conversation) { _, new in new }
        knownNumbers.keep(lastSequence, for: conversation, merging: max)
    }

    private func append(fresh: [NewMessage]) async throws(StoreError) -> [MongoAppend.Settled] {
        if fresh.isEmpty { return [] }
        let known = knownNumbers
        let maxContentionSeconds = database.configuration.maxContentionSeconds
        return try await database.run { connection throws(StoreError) in
            var append = MongoAppend(fresh, on: connection, known: known, maxContentionSeconds: maxContentionSeconds)
            return try append.run()
        }
    }

    func nextPosition() -> LogPosition { LogPosition(stored.wrappingAdd(1, ordering: .relaxed).newValue) }

    private func knownAmong(_ conversations: Set<ConversationID>) async throws(StoreError) -> Set<ConversationID> {
        let unknown = conversations.filter { knownConversations[$0] == nil }
        if unknown.isEmpty { return conversations }
        let found = try await existing(unknown)
        for conversation in found { knownConversations.keep(true, for: conversation) { _, new in new } }
        return conversations.subtracting(unknown).union(found)
    }

    // MARK: Reading

    public func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async throws(StoreError) -> Message?
    {
        try await database.run { connection throws(StoreError) in
            let found = try connection.find(MongoConnection.keyFilter(conversation, sender, clientMessageID), by: .conversationSenderKey)
            return try MessageDocument.messages(found).first
        }
    }

    public func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads { try await newestHeads(mark) }

    /// Reads the last number, then the page up to it. Messages never change or go away, and the second read sees at least
    /// what the first did, so together they are what one snapshot at the time of the first would have shown.
    public func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History {
        try await database.run { connection throws(StoreError) in
            let last = try connection.lastNumbers(of: [conversation])[conversation] ?? 0
            let range = HistoryRange(query, limit: Int64(limit), lastSequence: last)
            guard range.first <= range.last else { return History(messages: [], hasMore: range.hasMore, lastSequence: last) }
            let messages = try connection.messages(of: conversation, range.first...range.last)
            return History(messages: messages, hasMore: range.hasMore, lastSequence: last)
        }
    }
}
