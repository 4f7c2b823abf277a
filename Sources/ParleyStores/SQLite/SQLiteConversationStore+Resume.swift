import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// What a client that comes back asks for. A mark is a log position.
extension SQLiteConversationStore {
    public func standings(of user: UserID, since mark: ActivityMark?) async throws(StoreError) -> UserStandings {
        try await database.read { db in
            let newest = try Int64.fetchOne(db, sql: "SELECT max(position) FROM messages") ?? 0
            let statement = try db.cachedStatement(
                sql: """
                    SELECT id, ref, last_sequence, activity, joined_at FROM participants JOIN conversations ON ref = conversation_ref
                    WHERE user_id = ?
                    """)
            var standings: [ConversationStanding] = []
            let rows = try Row.fetchCursor(statement, arguments: [user.blob])
            while let row = try rows.next() {
                let last: Int64 = row[2]
                var then = last
                if let mark, (row[3] as Int64) > mark.value { then = try Self.sequence(at: mark, in: row[1], last: last, db) }
                standings.append(
                    ConversationStanding(
                        conversationID: try row.id(at: 0), lastSequence: last, sequenceAtMark: then, joinedAt: row.timestamp(at: 4)))
            }
            return UserStandings(mark: ActivityMark(newest), conversations: standings)
        }
    }

    /// The highest number whose message was stored up to the mark. Positions grow with the numbers of a conversation, so a
    /// binary search finds it: a week's absence costs a few steps more than a second's.
    private static func sequence(at mark: ActivityMark, in ref: Int64, last: Int64, _ db: Database) throws -> Int64 {
        let position = try db.cachedStatement(sql: "SELECT position FROM messages WHERE conversation_ref = ? AND sequence_number = ?")
        var low: Int64 = 0
        var high = last
        while low < high {
            let middle = low + (high - low + 1) / 2
            guard let found = try Int64.fetchOne(position, arguments: [ref, middle]) else { throw DamagedRow(column: "sequence_number") }
            if found <= mark.value { low = middle } else { high = middle - 1 }
        }
        return low
    }

    public func missedChanges(of user: UserID, since time: Timestamp, maxParticipants: Int64) async throws(StoreError) -> MissedChanges {
        try await database.read { db in
            let changed = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id FROM participants JOIN conversations ON ref = conversation_ref
                        WHERE user_id = ? AND (conversations.changed_at >= ? OR participants.changed_at >= ?)
                        """), arguments: [user.blob, time.milliseconds, time.milliseconds])
            let left = try Row.fetchAll(
                db.cachedStatement(
                    sql: "SELECT id FROM departures JOIN conversations ON ref = conversation_ref WHERE user_id = ? AND left_at >= ?"),
                arguments: [user.blob, time.milliseconds])
            let markers = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id, theirs.user_id, theirs.last_read_sequence, max(theirs.last_read_sequence, theirs.last_delivered_sequence)
                        FROM participants AS mine JOIN conversations ON ref = mine.conversation_ref
                        JOIN participants AS theirs ON theirs.conversation_ref = ref
                        WHERE mine.user_id = ? AND participant_count <= ? AND theirs.changed_at >= ? AND theirs.user_id <> mine.user_id
                        """), arguments: [user.blob, maxParticipants, time.milliseconds])
            return MissedChanges(
                conversations: try changed.map { try $0.id(at: 0) }, left: try left.map { try $0.id(at: 0) },
                markers: try markers.map { row in
                    ParticipantMarkers(
                        conversationID: try row.id(at: 0), userID: try row.id(at: 1), lastReadSequence: row[2],
                        lastDeliveredSequence: row[3])
                })
        }
    }
}
