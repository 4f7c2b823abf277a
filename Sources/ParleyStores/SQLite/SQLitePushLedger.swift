import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// What was sent to devices and what is to be taken back, in SQLite.
public struct SQLitePushLedger: PushLedger {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    // MARK: Alerts

    public func claim(_ alerts: [IntendedAlert], until: Timestamp, at now: Timestamp) async throws(StoreError) -> [AlertKey: AlertClaim] {
        try await database.write { db in
            var refs: [ConversationID: Int64?] = [:]
            var claims: [AlertKey: AlertClaim] = [:]
            for alert in alerts where claims[alert.key] == nil {
                let ref = try refs[alert.conversationID] ?? SQLiteConversationStore.ref(of: alert.conversationID, db)
                refs[alert.conversationID] = .some(ref)
                claims[alert.key] = try Self.claim(alert, ref, until, now, db)
            }
            return claims
        }
    }

    private static func claim(_ alert: IntendedAlert, _ ref: Int64?, _ until: Timestamp, _ now: Timestamp, _ db: Database) throws
        -> AlertClaim
    {
        let (key, user) = (alert.key, alert.userID)
        guard let ref, let reads = try AlertRows.reads(of: key.deviceID, of: user, db) else { return .sent }
        let put = try db.cachedStatement(
            sql: """
                INSERT INTO push_alerts (device_id, message_id, conversation_ref, user_id, sequence_number, at, reads)
                VALUES (?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (device_id, message_id) DO UPDATE SET
                    conversation_ref = excluded.conversation_ref, user_id = excluded.user_id, sequence_number = excluded.sequence_number,
                    at = excluded.at, reads = excluded.reads
                WHERE is_sent = 0 AND at <= ?
                """)
        try put.execute(
            arguments: [
                key.deviceID.blob, key.messageID.blob, ref, user.blob, alert.sequenceNumber, until.milliseconds, reads, now.milliseconds,
            ])
        guard db.changesCount == 1 else { return try AlertRows.isSent(key, db) ? .sent : .held }
        let shown = try db.cachedStatement(
            sql: "SELECT alerts FROM push_shown WHERE user_id = ? AND conversation_ref = ? AND device_id = ?")
        return .granted(earlier: try Int.fetchOne(shown, arguments: [user.blob, ref, key.deviceID.blob]) ?? 0)
    }

    public func settle(_ outcomes: [AlertKey: AlertOutcome], at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            for (key, outcome) in outcomes {
                switch outcome {
                case .released:
                    try db.cachedStatement(sql: "DELETE FROM push_alerts WHERE device_id = ? AND message_id = ? AND is_sent = 0")
                        .execute(arguments: [key.deviceID.blob, key.messageID.blob])
                case .sent(let badge):
                    if let alert = try AlertRows.markSent(key, at: now, db) { try Self.noteSent(key, alert, badge, now, db) }
                }
            }
        }
    }

    private static func noteSent(_ key: AlertKey, _ alert: AlertRows.Alert, _ badge: Int64?, _ now: Timestamp, _ db: Database) throws {
        let user = alert.userID
        var isOutdated = false
        if let badge {
            let reads = try AlertRows.setBadge(badge, of: key.deviceID, of: user, db)
            isOutdated = badge != 0 && reads != alert.reads
        }
        let marker = try db.cachedStatement(sql: "SELECT last_read_sequence FROM participants WHERE conversation_ref = ? AND user_id = ?")
        if let marker = try Int64.fetchOne(marker, arguments: [alert.conversationRef, user.blob]), marker < alert.sequenceNumber ?? .max {
            let show = try db.cachedStatement(
                sql: """
                    INSERT INTO push_shown (user_id, conversation_ref, device_id, alerts) VALUES (?, ?, ?, 1)
                    ON CONFLICT (user_id, conversation_ref, device_id) DO UPDATE SET alerts = alerts + 1
                    """)
            try show.execute(arguments: [user.blob, alert.conversationRef, key.deviceID.blob])
        } else {
            isOutdated = true
        }
        if isOutdated { try TakeBackRows.makeDue(user, alert.conversationRef, at: now, db) }
    }

    public func forgetAlerts(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await database.write { db in
            let statement = try db.cachedStatement(
                sql: """
                    DELETE FROM push_alerts WHERE (device_id, message_id) IN (
                        SELECT device_id, message_id FROM push_alerts WHERE at < ? ORDER BY at LIMIT ?
                    )
                    """)
            try statement.execute(arguments: [moment.milliseconds, limit])
            return db.changesCount
        }
    }

    /// Ends all claims and leases. For the start of the one process that holds the folder: whoever had them is dead.
    public func releaseLeases(at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            try db.execute(sql: "DELETE FROM push_alerts WHERE at > ? AND is_sent = 0", arguments: [now.milliseconds])
            try db.execute(
                sql: "UPDATE push_take_backs SET due_at = ? WHERE due_at > ? AND leased_sequence IS NOT NULL",
                arguments: [now.milliseconds, now.milliseconds])
        }
    }

    // MARK: Taking back

    /// Costs no write while nothing is due.
    public func leaseTakeBacks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [TakeBack] {
        let isAnyDue = try await database.read { db in
            let statement = try db.cachedStatement(sql: "SELECT 1 FROM push_take_backs WHERE due_at <= ? LIMIT 1")
            return try Int64.fetchOne(statement, arguments: [now.milliseconds]) != nil
        }
        guard isAnyDue else { return [] }
        return try await database.write { db in
            try TakeBackRows.lease(limit: limit, until: now.advanced(bySeconds: seconds), at: now, db)
        }
    }

    public func finishTakeBacks(_ results: [(TakeBack, TakeBackResult)], at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            for (takeBack, result) in results { try TakeBackRows.finish(takeBack, result, at: now, db) }
        }
    }

    // MARK: Counting

    /// The users' ids are one blob of 16 bytes each, which the statement takes apart.
    public func unreadTotals(of users: [UserID]) async throws(StoreError) -> [UserID: Int64] {
        let users = Set(users)
        guard !users.isEmpty else { return [:] }
        return try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    WITH RECURSIVE asked (place, id) AS (
                        SELECT 1, substr(?1, 1, 16)
                        UNION ALL SELECT place + 16, substr(?1, place + 16, 16) FROM asked WHERE place + 16 < length(?1)
                    )
                    SELECT asked.id, ifnull(sum((last_sequence - last_read_sequence) - (own_sent - own_read)), 0)
                    FROM asked LEFT JOIN participants ON user_id = asked.id LEFT JOIN conversations ON ref = conversation_ref
                    GROUP BY asked.id
                    """)
            var totals: [UserID: Int64] = [:]
            let rows = try Row.fetchCursor(statement, arguments: [UserID.blob(of: users)])
            while let row = try rows.next() { totals[try row.id(at: 0)] = row[1] }
            return totals
        }
    }
}
