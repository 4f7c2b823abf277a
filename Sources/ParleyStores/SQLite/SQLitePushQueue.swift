import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Push jobs in two SQLite tables: those to do and those given up.
public struct SQLitePushQueue: PushQueue {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    private static let columns =
        "message_id, part, conversation_id, sender_id, sequence_number, recipients, message_preview, created_at"

    private static func arguments(_ job: PushJob) -> [(any DatabaseValueConvertible)?] {
        [
            job.messageID.blob, job.part, job.conversationID.blob, job.senderID.blob, job.sequenceNumber, UserID.blob(of: job.recipients),
            job.messagePreview, job.createdAt.milliseconds,
        ]
    }

    private static func job(_ row: Row, from column: Int) throws -> PushJob {
        PushJob(
            messageID: try row.messageID(at: column), conversationID: try row.id(at: column + 2), senderID: try row.id(at: column + 3),
            sequenceNumber: row[column + 4], recipients: try row.ids(at: column + 5), messagePreview: row[column + 6],
            createdAt: row.timestamp(at: column + 7), part: row[column + 1])
    }

    public func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            let insert = try db.cachedStatement(
                sql: """
                    INSERT INTO push_jobs (\(Self.columns), due_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                    ON CONFLICT (message_id, part) DO NOTHING
                    """)
            for job in jobs {
                try insert.execute(arguments: StatementArguments(Self.arguments(job) + [now.milliseconds]))
                if db.changesCount == 0, let rest = try Self.rest(of: job, db) {
                    try insert.execute(arguments: StatementArguments(Self.arguments(rest) + [now.milliseconds]))
                }
            }
        }
    }

    /// The recipients of a job whose part waits already that are not in it, as a part behind the message's others.
    private static func rest(of job: PushJob, _ db: Database) throws -> PushJob? {
        let row = try Row.fetchOne(
            db,
            sql: """
                SELECT recipients, (SELECT max(part) + 1 FROM push_jobs WHERE message_id = waiting.message_id)
                FROM push_jobs AS waiting WHERE message_id = ? AND part = ?
                """, arguments: [job.messageID.blob, job.part])
        guard let row else { return nil }
        let waiting = Set(try row.ids(at: 0, as: UserID.self))
        let new = job.recipients.filter { !waiting.contains($0) }
        return new.isEmpty ? nil : job.addressed(to: new, part: row[1])
    }

    public func lease(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [LeasedPushJob] {
        try await database.write { db in
            let due = try db.cachedStatement(
                sql: "SELECT id, attempts, \(Self.columns) FROM push_jobs WHERE due_at <= ? ORDER BY due_at, id LIMIT ?")
            let rows = try Row.fetchAll(due, arguments: [now.milliseconds, limit])
            let take = try db.cachedStatement(sql: "UPDATE push_jobs SET due_at = ?, attempts = attempts + 1, is_leased = 1 WHERE id = ?")
            let end = now.advanced(bySeconds: seconds).milliseconds
            return try rows.map { row in
                try take.execute(arguments: [end, row[0] as Int64])
                return LeasedPushJob(id: PushJobID(row[0]), job: try Self.job(row, from: 2), attempt: row[1] + 1)
            }
        }
    }

    /// Ends all leases. For the start of the one process that holds the folder: whoever had them is dead, and waiting for
    /// the leases to end would only delay notifications.
    public func releaseLeases(at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            try db.execute(sql: "UPDATE push_jobs SET due_at = ?, is_leased = 0 WHERE is_leased = 1", arguments: [now.milliseconds])
        }
    }

    public func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            for (id, result) in results.sorted(by: { $0.key.value < $1.key.value }) {
                switch result {
                case .done: try Self.delete(id, db)
                case .retry(let seconds, let recipients, _):
                    try db.cachedStatement(sql: "UPDATE push_jobs SET due_at = ?, recipients = ?, is_leased = 0 WHERE id = ?")
                        .execute(arguments: [now.advanced(bySeconds: seconds).milliseconds, UserID.blob(of: recipients), id.value])
                case .returned(let seconds, let recipients):
                    let sql = """
                        UPDATE push_jobs SET due_at = ?, recipients = ifnull(?, recipients), attempts = max(0, attempts - 1), is_leased = 0
                        WHERE id = ?
                        """
                    let left = recipients.map { UserID.blob(of: $0) }
                    try db.cachedStatement(sql: sql).execute(arguments: [now.advanced(bySeconds: seconds).milliseconds, left, id.value])
                case .dead(let recipients, let reason):
                    try Self.bury(id, recipients, reason, now, db)
                }
            }
        }
    }

    private static func delete(_ id: PushJobID, _ db: Database) throws {
        try db.cachedStatement(sql: "DELETE FROM push_jobs WHERE id = ?").execute(arguments: [id.value])
    }

    private static func bury(_ id: PushJobID, _ recipients: [UserID], _ reason: String, _ now: Timestamp, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO dead_push_jobs (\(columns), attempts, reason, died_at)
                SELECT \(columns), attempts, ?, ? FROM push_jobs WHERE id = ?
                """, arguments: [reason, now.milliseconds, id.value])
        guard db.changesCount == 1 else { return }
        try db.execute(
            sql: "UPDATE dead_push_jobs SET recipients = ? WHERE id = ?", arguments: [UserID.blob(of: recipients), db.lastInsertedRowID])
        try delete(id, db)
    }

    /// Jobs that wait, in the order of their ids. Leases count as ended.
    func records(after id: PushJobID, limit: Int) async throws(StoreError) -> [CopiedPushJob] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT id, attempts, is_leased, due_at, \(Self.columns) FROM push_jobs WHERE id > ? ORDER BY id LIMIT ?",
                arguments: [id.value, limit])
            return try rows.map { row in
                CopiedPushJob(
                    id: PushJobID(row[0]), job: try Self.job(row, from: 4), attempts: row[1], dueAt: row[2] ? nil : row.timestamp(at: 3))
            }
        }
    }

    // MARK: Dead letters

    public func deadLetters(limit: Int, after: PushJobID?) async throws(StoreError) -> [DeadPushJob] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db, sql: "SELECT id, attempts, reason, died_at, \(Self.columns) FROM dead_push_jobs WHERE id > ? ORDER BY id LIMIT ?",
                arguments: [after?.value ?? 0, limit])
            return try rows.map { row in
                DeadPushJob(
                    id: PushJobID(row[0]), job: try Self.job(row, from: 4), attempts: row[1], reason: row[2], diedAt: row.timestamp(at: 3))
            }
        }
    }

    public func replay(_ ids: [PushJobID]?, at now: Timestamp) async throws(StoreError) -> Int {
        try await database.write { db in
            if let ids { return try ids.reduce(0) { try $0 + Self.replay($1, now, db) } }
            let all = try Int64.fetchAll(db, sql: "SELECT id FROM dead_push_jobs ORDER BY id")
            return try all.reduce(0) { try $0 + Self.replay(PushJobID($1), now, db) }
        }
    }

    private static func replay(_ id: PushJobID, _ now: Timestamp, _ db: Database) throws -> Int {
        // A message's jobs are told apart by their part; one that waits still under the same part keeps its place, and
        // the dead letter goes behind it under the next free one.
        try db.execute(
            sql: """
                INSERT INTO push_jobs (\(columns), due_at)
                SELECT message_id,
                    (SELECT CASE WHEN EXISTS (SELECT 1 FROM push_jobs AS p WHERE p.message_id = d.message_id AND p.part = d.part)
                        THEN (SELECT max(part) + 1 FROM push_jobs AS p WHERE p.message_id = d.message_id) ELSE d.part END),
                    conversation_id, sender_id, sequence_number, recipients, message_preview, created_at, ?
                FROM dead_push_jobs AS d WHERE id = ?
                """, arguments: [now.milliseconds, id.value])
        let count = db.changesCount
        try db.execute(sql: "DELETE FROM dead_push_jobs WHERE id = ?", arguments: [id.value])
        return count
    }

    public func depth() async throws(StoreError) -> PushQueueDepth {
        try await database.read { db in
            PushQueueDepth(
                pending: try Int64.fetchOne(db, sql: "SELECT count(*) FROM push_jobs") ?? 0,
                dead: try Int64.fetchOne(db, sql: "SELECT count(*) FROM dead_push_jobs") ?? 0)
        }
    }
}
