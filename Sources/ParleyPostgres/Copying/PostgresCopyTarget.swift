public import ParleyCore
public import ParleyModel

/// How far a copy from a data folder is.
public struct CopyProgress: Sendable, Equatable {
    /// All messages of the folder up to here are stored.
    public var messagePosition: LogPosition
    /// All push jobs up to here are queued.
    public var pushJobID: PushJobID
    /// All dead letters up to here are put aside.
    public var deadLetterID: PushJobID
    /// When nothing was left, if that ever was.
    public var finishedAt: Timestamp?
}

/// What stands in the way of a copy.
public enum CopyObstacle: Sendable, Equatable {
    /// The database was filled from another folder.
    case otherSource(FolderID)
    /// The database holds data that no copy has brought.
    case notEmpty
    /// A node works on the database.
    case nodeRuns
    /// Another copy from the same folder was begun later.
    case takenOver
}

/// A PostgreSQL database that a data folder is copied into: everything but messages and push jobs, and how far the copy is.
///
/// Every page is one transaction, which begins by making sure that this is still the copy that was begun last, and that no
/// node has been started. Writing the same page again changes nothing, and the counts say so.
public struct PostgresCopyTarget: Sendable {
    /// Rows in one statement; more are several.
    static let maxRows = 5000

    let database: PostgresDatabase
    let source: FolderID
    let run: Identifier<CopyRunKind>

    /// - Parameters:
    ///   - database: Migrated, with limits that give a statement of thousands of rows its time.
    ///   - source: The folder.
    public init(_ database: PostgresDatabase, source: FolderID) {
        self.database = database
        self.source = source
        run = .random()
    }

    // MARK: Beginning

    private static let lock = PostgresStatement("copy.lock", "SELECT pg_advisory_xact_lock(7202931845104734)")
    private static let find = PostgresStatement(
        "copy.find", "SELECT source_id, message_position, push_job_id, dead_letter_id, finished_at FROM parley_copies")
    private static let isFilled = PostgresStatement(
        "copy.filled",
        """
        SELECT EXISTS (SELECT 1 FROM conversations) OR EXISTS (SELECT 1 FROM media) OR EXISTS (SELECT 1 FROM devices)
            OR EXISTS (SELECT 1 FROM token_revocations) OR EXISTS (SELECT 1 FROM notification_settings)
        """)

    /// How far a copy from this folder is; nil when none was begun, and could be.
    public func progress() async throws(StoreError) -> Result<CopyProgress?, CopyObstacleError> {
        try await database.run { [source] connection throws(PostgresFailure) in
            let rows = try connection.read([Self.find(), Self.isFilled()])
            return try Self.progress(rows[0], isFilled: rows[1][0].bool(0), source)
        }
    }

    private static func progress(
        _ rows: PostgresRows, isFilled: Bool, _ source: FolderID
    ) throws(PostgresFailure) -> Result<CopyProgress?, CopyObstacleError> {
        var own: CopyProgress?
        for number in 0..<rows.count {
            let row = rows[number]
            let id: FolderID = try row.id(0)
            guard id == source else { return .failure(CopyObstacleError(.otherSource(id))) }
            own = CopyProgress(
                messagePosition: LogPosition(try row.int64(1)), pushJobID: PushJobID(try row.int64(2)),
                deadLetterID: PushJobID(try row.int64(3)), finishedAt: try row.optionalTimestamp(4))
        }
        return own == nil && isFilled ? .failure(CopyObstacleError(.notEmpty)) : .success(own)
    }

    private static let takeOver = PostgresStatement(
        "copy.begin",
        """
        INSERT INTO parley_copies (source_id, run_id) VALUES ($1, $2)
        ON CONFLICT (source_id) DO UPDATE SET run_id = excluded.run_id, finished_at = NULL
        """)

    /// Makes this the copy that writes, and an unfinished one. Whoever copied from the folder before writes no more when this
    /// returns.
    public func begin() async throws(StoreError) -> Result<CopyProgress, CopyObstacleError> {
        try await database.run { [source, run] connection throws(PostgresFailure) in
            try connection.transaction { transaction throws(PostgresFailure) in
                let rows = try transaction.run([Self.lock(), Self.find(), Self.isFilled(), Self.nodeRuns()])
                if try rows[3][0].bool(0) { return .failure(CopyObstacleError(.nodeRuns)) }
                switch try Self.progress(rows[1], isFilled: rows[2][0].bool(0), source) {
                case .failure(let obstacle): return .failure(obstacle)
                case .success(let progress):
                    _ = try transaction.run(Self.takeOver(.id(source), .id(run)))
                    let start = CopyProgress(
                        messagePosition: .start, pushJobID: PushJobID(0), deadLetterID: PushJobID(0), finishedAt: nil)
                    return .success(progress ?? start)
                }
            }
        }
    }

    // MARK: Writing

    static let nodeRuns = PostgresStatement(
        "copy.nodes", "SELECT EXISTS (SELECT 1 FROM node_checkpoints WHERE leased_until > clock_timestamp())")
    private static let isOurs = PostgresStatement(
        "copy.ours", "SELECT 1 FROM parley_copies WHERE source_id = $1 AND run_id = $2 FOR SHARE")

    /// Runs a writing transaction while this is the copy that writes.
    func write<Value: Sendable>(
        _ body: @escaping @Sendable (PostgresTransaction) throws(PostgresFailure) -> Value
    ) async throws -> Value {
        let result: Result<Value, CopyObstacleError> = try await database.run { [source, run] connection throws(PostgresFailure) in
            try connection.transaction { transaction throws(PostgresFailure) in
                let rows = try transaction.run([Self.isOurs(.id(source), .id(run)), Self.nodeRuns()])
                guard rows[0].count == 1 else { return .failure(CopyObstacleError(.takenOver)) }
                if try rows[1][0].bool(0) { return .failure(CopyObstacleError(.nodeRuns)) }
                return .success(try body(transaction))
            }
        }
        return try result.get()
    }

    // MARK: How far it is

    private static let advance = PostgresStatement(
        "copy.advance",
        """
        UPDATE parley_copies SET message_position = greatest(message_position, $2), push_job_id = greatest(push_job_id, $3),
            dead_letter_id = greatest(dead_letter_id, $4)
        WHERE source_id = $1
        """)

    /// Notes how far the copy is; nothing ever goes back.
    public func advance(
        messages: LogPosition = .start, pushJobs: PushJobID = PushJobID(0), deadLetters: PushJobID = PushJobID(0)
    ) async throws {
        let call = Self.advance(.id(source), .int64(messages.value), .int64(pushJobs.value), .int64(deadLetters.value))
        _ = try await write { transaction throws(PostgresFailure) in try transaction.run(call).changed }
    }

    /// Not before anything that was copied, by whichever clock: what is later is a node's work.
    private static let finish = PostgresStatement(
        "copy.finish",
        """
        UPDATE parley_copies SET finished_at = greatest(
            clock_timestamp(), (SELECT max(changed_at) FROM participants), (SELECT max(changed_at) FROM conversations))
        WHERE source_id = $1
        """)
    /// As a node that has died.
    private static let leaveEffects = PostgresStatement(
        "copy.effects",
        """
        INSERT INTO node_checkpoints AS n (node_id, due_from, leased_by, leased_until)
        SELECT id, due_from, id, clock_timestamp() - interval '1 minute' FROM unnest($1::text[], $2::timestamptz[]) AS due (id, due_from)
        ON CONFLICT (node_id) DO UPDATE SET due_from = excluded.due_from WHERE n.due_from > excluded.due_from
        """)

    /// Leaves the effects of messages that nobody has carried out to the first node that is started: as those of a node that
    /// has died.
    /// - Parameter due: Who made the ids of those messages, with the second since 1970 of the earliest.
    public func leaveEffects(_ due: [NodeID: Int64]) async throws {
        let makers = due.sorted { $0.key.value < $1.key.value }
        let call = Self.leaveEffects(
            .texts(makers.map(\.key.description)), .timestamps(makers.map { Timestamp(milliseconds: $0.value * 1000) }))
        _ = try await write { transaction throws(PostgresFailure) in try transaction.run(call).changed }
    }

    /// Notes that nothing is left.
    public func finish() async throws {
        _ = try await write { [source] transaction throws(PostgresFailure) in try transaction.run(Self.finish(.id(source))).changed }
    }

    /// Activities that nodes give are microseconds since 1970; those of a folder are positions in its log.
    private static let firstOfNodes: Int64 = 100_000_000_000_000

    private static let wasServed = PostgresStatement(
        "copy.served",
        """
        SELECT EXISTS (SELECT 1 FROM conversations WHERE activity >= $1)
            OR EXISTS (SELECT 1 FROM node_checkpoints WHERE leased_until > clock_timestamp())
            OR EXISTS (SELECT 1 FROM participants WHERE changed_at > $2)
            OR EXISTS (SELECT 1 FROM conversations WHERE changed_at > $2)
        """)

    /// Whether nodes have worked on the database since the copy was finished: they stored a message, made a conversation or
    /// changed a participant, or run now. It may read whole tables.
    public func wasServed(since finish: Timestamp) async throws(StoreError) -> Bool {
        try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.wasServed(.int64(Self.firstOfNodes), .timestamp(finish)))[0].bool(0)
        }
    }
}

/// Names for one process that copies.
enum CopyRunKind {}

/// A ``CopyObstacle`` that was met.
public struct CopyObstacleError: Error, Equatable {
    public let obstacle: CopyObstacle

    public init(_ obstacle: CopyObstacle) { self.obstacle = obstacle }
}
