public import ParleyCore
public import ParleyModel
public import ParleyMongo
public import ParleyPostgres

/// The allocator `postgres`: messages in MongoDB, numbered by whoever holds the row of `conversation_sequences` in PostgreSQL.
///
/// A batch is one transaction there: the rows of its conversations are locked, the messages inserted in MongoDB in one
/// ordered insert, the rows raised and the metadata applied, all committed. Nodes that write to one conversation at once take
/// turns instead of racing for numbers.
///
/// The locks only keep order; what keeps the promises holds without them. MongoDB's unique indexes refuse a number or a key that
/// is taken, so a node whose transaction was ended while it stood still can make no hole and no double; and a step of metadata is
/// applied only to a conversation that stands just below it. A crash between insert and commit leaves messages above the row. The
/// next who writes there finds them and applies their metadata before its own; to publish and notify them is for the
/// repair of the node that died.
///
/// A thread of PostgreSQL's pool waits for one of MongoDB's while it holds locks. Nothing in MongoDB's pool ever waits for
/// PostgreSQL, so the two cannot wait for each other; give the sequences a pool of their own, lest readers wait for writers.
public struct RowLockMessageStore: MessageStore {
    private let messages: MongoMessageStore
    private let sequences: PostgresSequences
    private let maxSettleSeconds: Double
    private let reach: @Sendable (RowLockAppend.Moment) -> Void

    /// - Parameters:
    ///   - messages: Also answers everything that is read.
    ///   - sequences: Of the PostgreSQL database where the conversations are.
    ///   - maxSettleSeconds: How long stored messages may wait for their metadata when PostgreSQL is lost between; then
    ///     the outcome is unknown.
    public init(messages: MongoMessageStore, sequences: PostgresSequences, maxSettleSeconds: Double = 10) {
        self.init(messages: messages, sequences: sequences, maxSettleSeconds: maxSettleSeconds, reach: { _ in })
    }

    /// - Parameter reach: Called where a node may stop or die, for tests. It may block.
    init(
        messages: MongoMessageStore, sequences: PostgresSequences, maxSettleSeconds: Double = 10,
        reach: @escaping @Sendable (RowLockAppend.Moment) -> Void
    ) {
        self.messages = messages
        self.sequences = sequences
        self.maxSettleSeconds = maxSettleSeconds
        self.reach = reach
    }

    public var appliesMetadata: Bool { true }

    /// When it throws `unavailable`, nothing is stored: PostgreSQL or MongoDB is not there, or the rows were not free in time.
    /// Messages that are stored are answered only when their metadata is applied; where that cannot be done in time, the
    /// error is `outcomeUnknown`, and they are left to the next writer, or to repair.
    public func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome] {
        if batch.isEmpty { return [] }
        let append = RowLockAppend(batch, in: messages, reach)
        var settling = Settling(seconds: maxSettleSeconds)
        while true {
            do throws(StoreError) {
                let isApplied = try await sequences.raise(append.conversations) { standings throws(StoreError) in
                    try append.advance(from: standings)
                }
                if isApplied, let outcomes = append.outcomes { return outcomes }
            } catch {
                guard append.isStored else { throw error }
                try await settling.pause(after: error)
            }
            if settling.isOver { throw .outcomeUnknown("messages are stored, and not all metadata is applied in time") }
        }
    }

    public func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History {
        try await messages.history(of: conversation, query, limit: limit)
    }

    public func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads { try await messages.heads(after: mark) }

    public func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async throws(StoreError) -> Message?
    {
        try await messages.message(in: conversation, from: sender, clientMessageID: clientMessageID)
    }
}
