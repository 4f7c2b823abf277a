public import ParleyCore
public import ParleyModel

/// The rows of `conversation_sequences` as locks: whoever has locked a conversation's row is the only one who gives out its
/// next numbers, as long as all do it so.
///
/// Rows are locked in the order of their ids, so that batches that meet never wait for each other in a circle.
public struct PostgresSequences: Sendable {
    /// How long anybody waits for anybody.
    public struct Limits: Sendable {
        /// Seconds that a node may be silent while it holds rows. Then the server ends its session, and the rows are free
        /// (`idle_in_transaction_session_timeout`): a node that stands still blocks others no longer than this.
        public var idleSeconds = 4.0
        /// Seconds until all rows must be locked, and until the steps must be applied (`statement_timeout`). More than
        /// ``idleSeconds``, so that who waits for a node that stands still outlives it.
        public var statementSeconds = 5.0

        /// The defaults.
        public init() {}
    }

    private let database: PostgresDatabase
    private let limits: Limits

    /// - Parameter database: One whose connections are for this alone: a call keeps its connection while it waits for rows
    ///   and while its body runs, and nobody else should wait for that.
    public init(_ database: PostgresDatabase, limits: Limits = .init()) {
        self.database = database
        self.limits = limits
    }

    private static let setLimits = PostgresStatement(
        "sequence.limits",
        "SELECT set_config('statement_timeout', $1, true), set_config('idle_in_transaction_session_timeout', $2, true)")
    private static let lock = PostgresStatement(
        "sequence.lock",
        "SELECT 1 FROM conversation_sequences WHERE conversation_id = ANY ($1) ORDER BY conversation_id FOR NO KEY UPDATE")

    /// One transaction: locks the rows, runs `body`, raises the rows and applies the metadata as the steps say that `body`
    /// makes, and commits. True when every step was applied.
    ///
    /// `body` is told where the metadata of those conversations stand that exist. It runs on a connection's thread and may
    /// block; it may be run again when the transaction met others. What it throws is thrown, and nothing was changed here.
    /// When the commit's answer is lost, the error is `outcomeUnknown`: then all steps are applied or none.
    public func raise(
        _ conversations: Set<ConversationID>,
        _ body: @escaping @Sendable (_ standings: [ConversationID: Int64]) throws(StoreError) -> [MetadataUpdate]
    ) async throws(StoreError) -> Bool {
        let ids = PostgresValue.ids(Array(conversations))
        return try await database.run { [limits] connection throws(PostgresFailure) in
            try connection.transaction { transaction throws(PostgresFailure) in
                // In a statement after the locks, whose snapshot shows what those who held them did.
                let answers = try transaction.run([
                    Self.setLimits(.milliseconds(limits.statementSeconds), .milliseconds(limits.idleSeconds)), Self.lock(ids),
                    PostgresConversationStore.findSequences(ids),
                ])
                let standings = try PostgresConversationStore.sequences(answers[2])
                let steps: [MetadataUpdate]
                do throws(StoreError) {
                    steps = try body(standings)
                } catch {
                    throw .abandoned(error)
                }
                return try Self.commit(steps, transaction)
            }
        }
    }

    private static func commit(_ steps: [MetadataUpdate], _ transaction: PostgresTransaction) throws(PostgresFailure) -> Bool {
        let size = PostgresConversationStore.maxSteps
        let calls = stride(from: 0, to: steps.count, by: size).map { start in
            PostgresConversationStore.applyCall(Array(steps[start..<min(start + size, steps.count)]))
        }
        var applied = 0
        for rows in try transaction.commit(calls) { applied += rows.count }
        return applied == steps.count
    }
}

extension PostgresValue {
    /// A time as settings take it.
    fileprivate static func milliseconds(_ seconds: Double) -> Self { text("\(Int(seconds * 1000))") }
}
