import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// How far participants have read and received.
extension SQLiteConversationStore {
    // MARK: Read markers

    public func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<ReadState>?
    {
        while true {
            guard let plan = try await readPlan(user, conversation, sequenceNumber) else { return nil }
            guard plan.target > plan.marker.lastRead else { return MarkerAdvance(state: plan.marker.state, moved: false) }
            if let state = try await advance(user, plan, now) { return MarkerAdvance(state: state, moved: true) }
            // Somebody moved the same marker in between; look again.
        }
    }

    private struct Marker {
        let lastSequence: Int64
        let lastRead: Int64
        let ownSent: Int64
        let ownRead: Int64

        var state: ReadState {
            ConversationRow.readState(lastSequence: lastSequence, lastRead: lastRead, ownSent: ownSent, ownRead: ownRead)
        }
    }

    private struct ReadPlan {
        let ref: Int64
        let marker: Marker
        let target: Int64
        /// The user's own messages after the marker up to the target.
        let ownPassed: Int64
    }

    /// Counts, on a reading connection, the user's own messages that the marker would pass. Messages never change, so
    /// the count holds as long as the marker stands where it stood; however long it takes, no writer waits for it.
    private func readPlan(_ user: UserID, _ conversation: ConversationID, _ sequenceNumber: Int64) async throws(StoreError) -> ReadPlan? {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT ref, last_sequence, last_read_sequence, own_sent, own_read
                    FROM conversations JOIN participants ON conversation_ref = ref WHERE id = ? AND user_id = ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [conversation.blob, user.blob]) else { return nil }
            let marker = Marker(lastSequence: row[1], lastRead: row[2], ownSent: row[3], ownRead: row[4])
            let target = min(sequenceNumber, marker.lastSequence)
            var own: Int64 = 0
            if target > marker.lastRead, marker.ownSent > marker.ownRead {
                own =
                    target == marker.lastSequence
                    ? marker.ownSent - marker.ownRead : try Self.ownMessages(user, row[0], marker.lastRead, target, db)
            }
            return ReadPlan(ref: row[0], marker: marker, target: target, ownPassed: own)
        }
    }

    private static func ownMessages(_ user: UserID, _ ref: Int64, _ after: Int64, _ through: Int64, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM messages
                WHERE conversation_ref = ? AND sequence_number > ? AND sequence_number <= ? AND sender_id = ?
                """, arguments: [ref, after, through, user.blob]) ?? 0
    }

    /// Nil when the marker is no longer where the plan saw it.
    private func advance(_ user: UserID, _ plan: ReadPlan, _ time: Timestamp) async throws(StoreError) -> ReadState? {
        try await database.write { db in
            let move = try db.cachedStatement(
                sql: """
                    UPDATE participants SET last_read_sequence = ?, own_read = own_read + ?, changed_at = ?
                    WHERE conversation_ref = ? AND user_id = ? AND last_read_sequence = ?
                    """)
            try move.execute(arguments: [plan.target, plan.ownPassed, time.milliseconds, plan.ref, user.blob, plan.marker.lastRead])
            guard db.changesCount == 1 else { return nil }
            try TakeBackRows.noteRead(by: user, in: plan.ref, at: time, db)
            let now = try db.cachedStatement(
                sql: """
                    SELECT last_sequence, last_read_sequence, own_sent, own_read
                    FROM conversations JOIN participants ON conversation_ref = ref WHERE ref = ? AND user_id = ?
                    """)
            guard let row = try Row.fetchOne(now, arguments: [plan.ref, user.blob]) else { return nil }
            return Marker(lastSequence: row[0], lastRead: row[1], ownSent: row[2], ownRead: row[3]).state
        }
    }

    // MARK: Delivered markers

    public func advanceDelivered(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<Int64>?
    {
        let found = try await database.read { db -> (ref: Int64, target: Int64, stands: Int64)? in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT ref, last_sequence, max(last_read_sequence, last_delivered_sequence)
                    FROM conversations JOIN participants ON conversation_ref = ref WHERE id = ? AND user_id = ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [conversation.blob, user.blob]) else { return nil }
            return (row[0], min(sequenceNumber, row[1]), row[2])
        }
        guard let found else { return nil }
        // Most acknowledgements of a second device say nothing new, and so cost no write.
        guard found.target > found.stands else { return MarkerAdvance(state: found.stands, moved: false) }
        return try await database.write { db in
            let move = try db.cachedStatement(
                sql: """
                    UPDATE participants SET last_delivered_sequence = ?, changed_at = ?
                    WHERE conversation_ref = ? AND user_id = ? AND max(last_read_sequence, last_delivered_sequence) < ?
                    """)
            try move.execute(arguments: [found.target, now.milliseconds, found.ref, user.blob, found.target])
            let moved = db.changesCount == 1
            let stands = try db.cachedStatement(
                sql: """
                    SELECT max(last_read_sequence, last_delivered_sequence) FROM participants WHERE conversation_ref = ? AND user_id = ?
                    """)
            guard let state = try Int64.fetchOne(stands, arguments: [found.ref, user.blob]) else { return nil }
            return MarkerAdvance(state: state, moved: moved)
        }
    }

    public func receiptCounts(of conversation: ConversationID, at sequenceNumber: Int64) async throws(StoreError) -> ReceiptCounts {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT ifnull(sum(last_read_sequence >= ?), 0), ifnull(sum(max(last_read_sequence, last_delivered_sequence) >= ?), 0)
                    FROM participants WHERE conversation_ref = (SELECT ref FROM conversations WHERE id = ?)
                    """)
            let row = try Row.fetchOne(statement, arguments: [sequenceNumber, sequenceNumber, conversation.blob])
            return ReceiptCounts(sequenceNumber: sequenceNumber, readCount: row?[0] ?? 0, deliveredCount: row?[1] ?? 0)
        }
    }
}
