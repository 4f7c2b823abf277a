public import ParleyCore
public import ParleyModel

/// What was sent to devices and what is to be taken back, in PostgreSQL. A worker makes one for itself: a claim is let go of by
/// who has it.
public struct PostgresPushLedger: PushLedger {
    private let database: PostgresDatabase
    private let claimant = Identifier<ClaimantKind>.random()

    /// Over a database that is migrated.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    // MARK: Alerts

    public func claim(_ alerts: [IntendedAlert], until: Timestamp, at now: Timestamp) async throws(StoreError) -> [AlertKey: AlertClaim] {
        var keys: Set<AlertKey> = []
        let alerts = alerts.filter { keys.insert($0.key).inserted }
        guard !alerts.isEmpty else { return [:] }
        return try await database.run { [claimant] connection throws(PostgresFailure) in
            try PostgresAlerts.claim(alerts, by: claimant, until: until, at: now, connection)
        }
    }

    public func settle(_ outcomes: [AlertKey: AlertOutcome], at now: Timestamp) async throws(StoreError) {
        guard !outcomes.isEmpty else { return }
        _ = try await database.run { [claimant] connection throws(PostgresFailure) in
            try connection.write(PostgresAlerts.settle(outcomes, by: claimant, at: now)).count
        }
    }

    private static let forget = PostgresStatement(
        "alert.forget",
        """
        WITH old AS (
            SELECT message_id, device_id FROM push_alerts WHERE message_id < $1 ORDER BY message_id, device_id LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        DELETE FROM push_alerts AS a USING old WHERE a.message_id = old.message_id AND a.device_id = old.device_id
        """)

    public func forgetAlerts(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await database.run { connection throws(PostgresFailure) in
            try connection.write(Self.forget(.text(MessageID.lowest(of: moment).description), .int64(Int64(limit)))).changed
        }
    }

    // MARK: Taking back

    public func leaseTakeBacks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [TakeBack] {
        try await database.run { connection throws(PostgresFailure) in
            try PostgresTakeBacks.lease(limit: limit, until: now.advanced(bySeconds: seconds), at: now, connection)
        }
    }

    public func finishTakeBacks(_ results: [(TakeBack, TakeBackResult)], at now: Timestamp) async throws(StoreError) {
        guard !results.isEmpty else { return }
        let calls = PostgresTakeBacks.finish(results.map { (takeBack: $0.0, result: $0.1) }, at: now)
        _ = try await database.run { connection throws(PostgresFailure) in try connection.write(calls).count }
    }

    // MARK: Counting

    private static let countUnread = PostgresStatement(
        "alert.unread",
        """
        SELECT asked.user_id, coalesce(sum((c.last_sequence - p.last_read_sequence) - (p.own_sent - p.own_read)), 0)::int8
        FROM unnest($1::uuid[]) AS asked (user_id) LEFT JOIN participants AS p ON p.user_id = asked.user_id
        LEFT JOIN conversations AS c ON c.conversation_id = p.conversation_id
        GROUP BY asked.user_id
        """)

    public func unreadTotals(of users: [UserID]) async throws(StoreError) -> [UserID: Int64] {
        let users = Array(Set(users))
        guard !users.isEmpty else { return [:] }
        let found = try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.countUnread(.ids(users))).map { row throws(PostgresFailure) in
                (try row.id(0, as: UserID.self), try row.int64(1))
            }
        }
        return Dictionary(found) { first, _ in first }
    }
}
