import Foundation
import GRDB
import ParleyCore
import ParleyModel

/// The rows of what is to be taken back, inside a transaction; the schema says what they mean.
enum TakeBackRows {
    /// For whoever reads in a conversation, or leaves it; after the change, and in its transaction. For users none of whose
    /// devices an alert was ever meant for it is one look-up.
    static func noteRead(by user: UserID, in ref: Int64, at now: Timestamp, _ db: Database) throws {
        let find = try db.cachedStatement(sql: "SELECT max(badge), min(badge) FROM push_devices WHERE user_id = ?")
        guard let row = try Row.fetchOne(find, arguments: [user.blob]), let highest = row[0] as Int64? else { return }
        try db.cachedStatement(sql: "UPDATE push_devices SET reads = reads + 1 WHERE user_id = ?").execute(arguments: [user.blob])
        try db.cachedStatement(sql: "DELETE FROM push_shown WHERE user_id = ? AND conversation_ref = ?").execute(
            arguments: [user.blob, ref])
        let showed = db.changesCount > 0
        if try showed || highest != 0 || row[1] != 0 as Int64 || isDue(user, ref, db) { try makeDue(user, ref, at: now, db) }
    }

    private static func isDue(_ user: UserID, _ ref: Int64, _ db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT 1 FROM push_take_backs WHERE user_id = ? AND conversation_ref = ?")
        return try Int64.fetchOne(statement, arguments: [user.blob, ref]) != nil
    }

    /// Who has left has read everything.
    static func makeDue(_ user: UserID, _ ref: Int64, at now: Timestamp, _ db: Database) throws {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO push_take_backs (user_id, conversation_ref, last_read_sequence, due_at)
                SELECT ?1, ref, ifnull(
                    (SELECT last_read_sequence FROM participants WHERE conversation_ref = ref AND user_id = ?1), last_sequence), ?3
                FROM conversations WHERE ref = ?2
                ON CONFLICT (user_id, conversation_ref) DO UPDATE SET
                    last_read_sequence = max(last_read_sequence, excluded.last_read_sequence), is_renewed = 1
                """)
        try statement.execute(arguments: [user.blob, ref, now.milliseconds])
    }

    // MARK: Leases

    static func lease(limit: Int, until end: Timestamp, at now: Timestamp, _ db: Database) throws -> [TakeBack] {
        let due = try db.cachedStatement(
            sql: """
                SELECT user_id, conversation_ref, (SELECT id FROM conversations WHERE ref = conversation_ref), last_read_sequence, attempts
                FROM push_take_backs WHERE due_at <= ? ORDER BY due_at LIMIT ?
                """)
        let take = try db.cachedStatement(
            sql: """
                UPDATE push_take_backs SET due_at = ?, attempts = attempts + 1, leased_sequence = last_read_sequence, reads = ?, is_renewed = 0
                WHERE user_id = ? AND conversation_ref = ?
                """)
        return try Row.fetchAll(due, arguments: [now.milliseconds, limit]).map { row in
            let user: UserID = try row.id(at: 0)
            try take.execute(arguments: [end.milliseconds, try AlertRows.reads(of: user, db), user.blob, row[1] as Int64])
            return TakeBack(userID: user, conversationID: try row.id(at: 2), lastReadSequence: row[3], attempt: row[4] + 1)
        }
    }

    static func finish(_ takeBack: TakeBack, _ result: TakeBackResult, at now: Timestamp, _ db: Database) throws {
        if case .done(let badges) = result {
            for (device, badge) in badges { try AlertRows.setBadge(badge, of: device, of: takeBack.userID, db) }
        }
        let find = try db.cachedStatement(
            sql: """
                SELECT conversation_ref, last_read_sequence, reads, is_renewed FROM push_take_backs
                WHERE user_id = ? AND conversation_ref = (SELECT ref FROM conversations WHERE id = ?) AND attempts = ? AND leased_sequence = ?
                """)
        let lease = try Row.fetchOne(
            find, arguments: [takeBack.userID.blob, takeBack.conversationID.blob, takeBack.attempt, takeBack.lastReadSequence])
        guard let lease else { return }
        switch result {
        case .retry(let seconds):
            try db.cachedStatement(sql: "UPDATE push_take_backs SET due_at = ? WHERE user_id = ? AND conversation_ref = ?")
                .execute(arguments: [now.advanced(bySeconds: seconds).milliseconds, takeBack.userID.blob, lease[0] as Int64])
        case .done(let badges): try end(lease, takeBack, badges, at: now, db)
        }
    }

    /// Nothing is due any more, unless there was cause for it again, or the numbers were counted before something was read.
    private static func end(_ lease: Row, _ takeBack: TakeBack, _ badges: [DeviceID: Int64], at now: Timestamp, _ db: Database) throws {
        let user = takeBack.userID
        let isOutdated = try badges.values.contains { $0 != 0 } && AlertRows.reads(of: user, db) != lease[2]
        guard isOutdated || lease[3] else {
            try db.cachedStatement(sql: "DELETE FROM push_take_backs WHERE user_id = ? AND conversation_ref = ?")
                .execute(arguments: [user.blob, lease[0] as Int64])
            return
        }
        let hasReadFurther = (lease[1] as Int64) > takeBack.lastReadSequence
        let again = try db.cachedStatement(
            sql: """
                UPDATE push_take_backs SET due_at = ?, leased_sequence = NULL, attempts = ? WHERE user_id = ? AND conversation_ref = ?
                """)
        try again.execute(arguments: [now.milliseconds, hasReadFurther ? 0 : takeBack.attempt, user.blob, lease[0] as Int64])
    }
}
