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
        guard let ref, let place = try AlertRows.place(of: key, user, db) else { return .sent }
        if let known = place.known {
            if known.isSent { return .sent }
            if known.at > now { return .held }
        }
        let isDoubtful = place.known != nil
        let put = try db.cachedStatement(
            sql: """
                INSERT OR REPLACE INTO push_alerts
                    (message_id, device_id, conversation_ref, user_id, sequence_number, at, reads, is_doubtful)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """)
        try put.execute(
            arguments: [
                key.messageID.blob, key.deviceID.blob, ref, user.blob, alert.sequenceNumber, until.milliseconds, place.reads, isDoubtful,
            ])
        // One that was claimed before counts already, unless something was read since.
        let shown = try AlertRows.show(isDoubtful ? .atLeastOne : .oneMore, ref, on: key.deviceID, of: user, db)
        return .granted(earlier: shown - 1)
    }

    public func settle(_ outcomes: [AlertKey: AlertOutcome], at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            for (key, outcome) in outcomes {
                guard let alert = try AlertRows.open(key, db) else { continue }
                switch outcome {
                case .released where alert.isDoubtful:
                    try db.cachedStatement(sql: "UPDATE push_alerts SET at = ? WHERE message_id = ? AND device_id = ?")
                        .execute(arguments: [now.milliseconds, key.messageID.blob, key.deviceID.blob])
                case .released:
                    try db.cachedStatement(sql: "DELETE FROM push_alerts WHERE message_id = ? AND device_id = ?")
                        .execute(arguments: [key.messageID.blob, key.deviceID.blob])
                    try Self.uncount(key, alert, db)
                case .sent(let badge): try Self.noteShown(key, alert, badge, isCertain: true, now, db)
                case .unknown(let badge): try Self.noteShown(key, alert, badge, isCertain: false, now, db)
                }
            }
        }
    }

    /// What was read since the claim has set the count back already, if it was of this conversation.
    private static func uncount(_ key: AlertKey, _ alert: AlertRows.Open, _ db: Database) throws {
        guard !alert.hasRead else { return }
        try AlertRows.setShown((alert.shown ?? 0) - 1, alert.conversationRef, on: key.deviceID, of: alert.userID, db)
    }

    private static func noteShown(
        _ key: AlertKey, _ alert: AlertRows.Open, _ badge: Int64?, isCertain: Bool, _ now: Timestamp, _ db: Database
    ) throws {
        try db.cachedStatement(sql: "UPDATE push_alerts SET is_sent = ?, at = ? WHERE message_id = ? AND device_id = ?")
            .execute(arguments: [isCertain, now.milliseconds, key.messageID.blob, key.deviceID.blob])
        let user = alert.userID
        // Of 0 that may not have arrived nothing follows: the number before may still be there.
        if let badge, badge != alert.badge, isCertain || badge != 0 { try AlertRows.setBadge(badge, of: key.deviceID, of: user, db) }
        if alert.isPast {
            try uncount(key, alert, db)
        } else if alert.shown == nil {
            // It counts since its claim, unless something before it was read meanwhile.
            try AlertRows.setShown(1, alert.conversationRef, on: key.deviceID, of: user, db)
        }
        let isBadgeOutdated = badge ?? 0 != 0 && alert.hasRead
        if alert.isPast || isBadgeOutdated { try TakeBackRows.makeDue(user, alert.conversationRef, at: now, db) }
    }

    public func forgetAlerts(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await database.write { db in
            let statement = try db.cachedStatement(
                sql: """
                    DELETE FROM push_alerts WHERE (message_id, device_id) IN (
                        SELECT message_id, device_id FROM push_alerts WHERE message_id < ? ORDER BY message_id, device_id LIMIT ?
                    )
                    """)
            try statement.execute(arguments: [MessageID.lowest(of: moment).blob, limit])
            return db.changesCount
        }
    }

    /// Ends all claims and leases. For the start of the one process that holds the folder: whoever had them is dead.
    public func releaseLeases(at now: Timestamp) async throws(StoreError) {
        try await database.write { db in
            try db.execute(
                sql: "UPDATE push_alerts SET at = ? WHERE at > ? AND is_sent = 0", arguments: [now.milliseconds, now.milliseconds])
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
