import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Who sits at connections and who is to be looked at again, in SQLite.
public struct SQLiteAttendanceStore: AttendanceStore {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    // MARK: Coming and going

    public func began(_ users: [UserID], at node: NodeID, since time: Timestamp) async throws(StoreError) {
        try await database.write { db in
            let statement = try db.cachedStatement(
                sql: """
                    INSERT INTO attendances (user_id, node_id, since) VALUES (?, ?, ?)
                    ON CONFLICT (user_id, node_id) DO UPDATE SET seen_until = NULL, due_at = NULL
                    """)
            for user in users { try statement.execute(arguments: [user.blob, node.description, time.milliseconds]) }
        }
    }

    public func ended(_ attendances: [EndedAttendance], at node: NodeID, dueAt: Timestamp) async throws(StoreError) {
        try await database.write { db in
            let statement = try db.cachedStatement(
                sql: """
                    INSERT INTO attendances (user_id, node_id, since, seen_until, due_at) VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (user_id, node_id) DO UPDATE SET
                        since = min(since, excluded.since), seen_until = excluded.seen_until, due_at = excluded.due_at
                    """)
            for end in attendances {
                try statement.execute(
                    arguments: [
                        end.userID.blob, node.description, end.since.milliseconds, end.seenUntil.milliseconds, dueAt.milliseconds,
                    ])
            }
        }
    }

    @discardableResult
    public func ended(node: NodeID, dueAt: Timestamp) async throws(StoreError) -> Int {
        try await database.write { db in
            try db.execute(
                sql: "UPDATE attendances SET due_at = ? WHERE node_id = ? AND due_at IS NULL",
                arguments: [dueAt.milliseconds, node.description])
            return db.changesCount
        }
    }

    // MARK: Looking again

    /// Costs no write while nobody is due.
    public func leaseLooks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [SecondLook] {
        let isAnyDue = try await database.read { db in
            let statement = try db.cachedStatement(sql: "SELECT 1 FROM attendances WHERE due_at <= ? LIMIT 1")
            return try Int64.fetchOne(statement, arguments: [now.milliseconds]) != nil
        }
        guard isAnyDue else { return [] }
        let end = now.advanced(bySeconds: seconds)
        return try await database.write { db in
            let due = try db.cachedStatement(
                sql: "SELECT user_id, node_id, since, seen_until FROM attendances WHERE due_at <= ? ORDER BY due_at LIMIT ?")
            let lease = try db.cachedStatement(sql: "UPDATE attendances SET due_at = ? WHERE user_id = ? AND node_id = ?")
            return try Row.fetchAll(due, arguments: [now.milliseconds, limit]).map { row in
                let user: UserID = try row.id(at: 0)
                let nodeText: String = row[1]
                guard let node = NodeID(nodeText) else { throw StoreError.unexpected("node_id is not ten hex digits") }
                try lease.execute(arguments: [end.milliseconds, user.blob, nodeText])
                return SecondLook(
                    userID: user, node: node, since: Timestamp(milliseconds: row[2]),
                    seenUntil: (row[3] as Int64?).map(Timestamp.init(milliseconds:)), leasedUntil: end)
            }
        }
    }

    public func finishLooks(_ results: [(SecondLook, SecondLookResult)]) async throws(StoreError) {
        try await database.write { db in
            let forget = try db.cachedStatement(sql: "DELETE FROM attendances WHERE user_id = ? AND node_id = ? AND due_at = ?")
            let carry = try db.cachedStatement(
                sql: "UPDATE attendances SET since = min(since, ?) WHERE user_id = ? AND due_at IS NULL")
            for (look, result) in results {
                try forget.execute(arguments: [look.userID.blob, look.node.description, look.leasedUntil.milliseconds])
                guard result == .attendedElsewhere, db.changesCount > 0 else { continue }
                try carry.execute(arguments: [look.since.milliseconds, look.userID.blob])
            }
        }
    }

    public func unread(in looks: [SecondLook]) async throws(StoreError) -> [UnreadConversation] {
        guard !looks.isEmpty else { return [] }
        return try await database.read { db in
            let find = try db.cachedStatement(
                sql: """
                    SELECT c.id, p.last_read_sequence, max(p.last_read_sequence, p.last_delivered_sequence)
                    FROM participants AS p JOIN conversations AS c ON c.ref = p.conversation_ref
                    WHERE p.user_id = ? AND c.last_message_at >= ?
                        AND (c.last_sequence - p.last_read_sequence) - (p.own_sent - p.own_read) > 0
                    """)
            return try looks.flatMap { look in
                try Row.fetchAll(find, arguments: [look.userID.blob, look.since.milliseconds]).map { row in
                    UnreadConversation(
                        userID: look.userID, conversationID: try row.id(at: 0), lastReadSequence: row[1], lastDeliveredSequence: row[2])
                }
            }
        }
    }
}
