import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// A user's list by cursor. Activity moves while a client pages, so a page is cut from the order as it was when the
/// first page was read: the cursor carries that moment as a log position, and for conversations that got messages since,
/// their activity of that moment is read from the messages.
extension SQLiteConversationStore {
    struct Cursor: Equatable {
        /// The newest log position when the first page was read.
        let snapshot: Int64
        /// Activity and ref of the last conversation delivered.
        let activity: Int64
        let ref: Int64

        init(snapshot: Int64, activity: Int64, ref: Int64) {
            self.snapshot = snapshot
            self.activity = activity
            self.ref = ref
        }

        var text: String { "1.\(snapshot).\(activity).\(ref)" }

        init(_ text: String) throws(StoreError) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { Int64($0) }
            guard text.utf8.count <= 80, parts.count == 4, parts[0] == 1, let snapshot = parts[1], let activity = parts[2],
                let ref = parts[3],
                snapshot >= 0, (0...snapshot).contains(activity), ref > 0
            else { throw .invalidCursor }
            self.init(snapshot: snapshot, activity: activity, ref: ref)
        }
    }

    public func list(for user: UserID, limit: Int, cursor: String?) async throws(StoreError)
        -> (views: [ConversationView], nextCursor: String?)
    {
        let cursor = try cursor.map { text throws(StoreError) in try Cursor(text) }
        return try await database.read { db in
            let snapshot = try cursor?.snapshot ?? (Int64.fetchOne(db, sql: "SELECT max(position) FROM messages") ?? 0)
            // One more than asked for, to know whether there is a next page.
            var entries = try Self.unmoved(user, snapshot, after: cursor, limit: limit + 1, db)
            if let cursor { entries += try Self.moved(user, after: cursor, db) }
            entries.sort { ($0.activity, $0.ref) > ($1.activity, $1.ref) }
            let page = entries.prefix(limit)
            let next = entries.count > limit ? page.last.map { Cursor(snapshot: snapshot, activity: $0.activity, ref: $0.ref).text } : nil
            return (try page.map { try ConversationRow.view($0.row) }, next)
        }
    }

    private struct Entry {
        let activity: Int64
        let ref: Int64
        let row: Row
    }

    /// Conversations whose activity is still that of the snapshot; in no order. The page is chosen by activity alone, and
    /// only its rows are read whole: half the time for a user with a thousand conversations.
    private static func unmoved(_ user: UserID, _ snapshot: Int64, after cursor: Cursor?, limit: Int, _ db: Database) throws -> [Entry] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(ConversationRow.columns) FROM (
                    SELECT ref AS page_ref FROM participants JOIN conversations ON ref = conversation_ref
                    WHERE user_id = ? AND activity <= ? AND (activity, ref) < (?, ?)
                    ORDER BY activity DESC, ref DESC LIMIT ?
                ) JOIN conversations ON ref = page_ref JOIN participants ON conversation_ref = page_ref AND user_id = ?
                """)
        let arguments: StatementArguments = [
            user.blob, snapshot, cursor?.activity ?? Int64.max, cursor?.ref ?? Int64.max, limit, user.blob,
        ]
        return try Row.fetchAll(statement, arguments: arguments).map { row in
            Entry(activity: row[ConversationRow.activityColumn], ref: row[ConversationRow.refColumn], row: row)
        }
    }

    /// Conversations that got messages since the snapshot, where they stood then.
    private static func moved(_ user: UserID, after cursor: Cursor, _ db: Database) throws -> [Entry] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT \(ConversationRow.columns), created_position, ifnull(
                    (SELECT position FROM messages WHERE messages.conversation_ref = conversations.ref AND position <= ?
                        ORDER BY sequence_number DESC LIMIT 1),
                    created_position) AS then_activity
                FROM participants JOIN conversations ON ref = conversation_ref
                WHERE user_id = ? AND activity > ?
                """)
        let rows = try Row.fetchAll(statement, arguments: [cursor.snapshot, user.blob, cursor.snapshot])
        return rows.compactMap { row in
            let createdPosition: Int64 = row[ConversationRow.columnCount]
            let activity: Int64 = row[ConversationRow.columnCount + 1]
            let ref: Int64 = row[ConversationRow.refColumn]
            guard createdPosition <= cursor.snapshot, (activity, ref) < (cursor.activity, cursor.ref) else { return nil }
            return Entry(activity: activity, ref: ref, row: row)
        }
    }
}
