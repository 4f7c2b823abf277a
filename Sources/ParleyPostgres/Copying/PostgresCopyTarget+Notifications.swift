public import ParleyCore
public import ParleyModel

/// Settings and the push ledger. As with the others, a page says all that there is between the end of the page before it and its
/// own; only settings are never removed.
extension PostgresCopyTarget {
    // MARK: Settings

    private static let putSettings = PostgresStatement(
        "copy.settings",
        """
        INSERT INTO notification_settings AS s (user_id, display_name, time_zone, quiet_from, quiet_to, privacy)
        SELECT user_id, name, zone, quiet_from::int, quiet_to::int, privacy
        FROM unnest($1::uuid[], $2::text[], $3::text[], $4::int8[], $5::int8[], $6::text[])
            AS new (user_id, name, zone, quiet_from, quiet_to, privacy)
        ON CONFLICT (user_id) DO UPDATE SET
            display_name = excluded.display_name, time_zone = excluded.time_zone, quiet_from = excluded.quiet_from,
            quiet_to = excluded.quiet_to, privacy = excluded.privacy
        WHERE (s.display_name, s.time_zone, s.quiet_from, s.quiet_to, s.privacy) IS DISTINCT FROM
            (excluded.display_name, excluded.time_zone, excluded.quiet_from, excluded.quiet_to, excluded.privacy)
        """)

    /// Tells how many rows changed.
    public func putSettings(_ records: [CopiedSettings]) async throws -> Int {
        let all = records.map(\.settings)
        let call = Self.putSettings(
            .ids(records.map(\.userID)), .texts(all.map(\.displayName)), .texts(all.map(\.timeZone)),
            .int64s(all.map { $0.quietHours.map { Int64($0.from) } }), .int64s(all.map { $0.quietHours.map { Int64($0.to) } }),
            .texts(all.map { $0.privacy?.rawValue }))
        return try await write { transaction throws(PostgresFailure) in try transaction.run(call).changed }
    }

    // MARK: Alerts

    private static let removeAlerts = PostgresStatement(
        "copy.alerts.remove",
        """
        DELETE FROM push_alerts AS a
        WHERE ($1::text IS NULL OR (message_id, device_id) > ($1, $2)) AND ($3::text IS NULL OR (message_id, device_id) <= ($3, $4))
            AND NOT EXISTS (
                SELECT 1 FROM unnest($5::uuid[], $6::text[]) AS new (device_id, message_id)
                WHERE new.device_id = a.device_id AND new.message_id = a.message_id
            )
        """)
    /// Nobody's claims.
    private static let putAlerts = PostgresStatement(
        "copy.alerts.put",
        """
        INSERT INTO push_alerts AS a (
            device_id, message_id, conversation_id, user_id, sequence_number, is_sent, at, claimed_by, reads
        )
        SELECT device_id, message_id, conversation_id, user_id, sequence, true, at, '00000000-0000-0000-0000-000000000000', 0
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::int8[], $6::timestamptz[])
            AS new (device_id, message_id, conversation_id, user_id, sequence, at)
        ON CONFLICT (message_id, device_id) DO UPDATE SET
            conversation_id = excluded.conversation_id, user_id = excluded.user_id, sequence_number = excluded.sequence_number,
            is_sent = true, at = excluded.at
        WHERE (a.conversation_id, a.user_id, a.sequence_number, a.is_sent, a.at) IS DISTINCT FROM
            (excluded.conversation_id, excluded.user_id, excluded.sequence_number, true, excluded.at)
        """)

    /// Makes the alerts between two keys what a page says. Tells how many rows changed.
    /// - Parameter through: The last key on the page; nil for the last page.
    public func putAlerts(_ records: [CopiedAlert], after: AlertKey?, through: AlertKey?) async throws -> Int {
        let devices = PostgresValue.ids(records.map(\.key.deviceID))
        let messages = PostgresValue.texts(records.map(\.key.messageID.description))
        let calls = [
            Self.removeAlerts(
                .text(after?.messageID.description), .id(after?.deviceID), .text(through?.messageID.description), .id(through?.deviceID),
                devices, messages),
            Self.putAlerts(
                devices, messages, .ids(records.map(\.conversationID)), .ids(records.map(\.userID)), .int64s(records.map(\.sequenceNumber)),
                .timestamps(records.map(\.sentAt))),
        ]
        return try await write { transaction throws(PostgresFailure) in try transaction.run(calls).reduce(0) { $0 + $1.changed } }
    }

    // MARK: Attendances

    private static let removeAttendances = PostgresStatement(
        "copy.attendances.remove",
        """
        DELETE FROM attendances AS a
        WHERE ($1::uuid IS NULL OR (user_id, node_id) > ($1, $2)) AND ($3::uuid IS NULL OR (user_id, node_id) <= ($3, $4))
            AND NOT EXISTS (
                SELECT 1 FROM unnest($5::uuid[], $6::text[]) AS new (user_id, node_id)
                WHERE new.user_id = a.user_id AND new.node_id = a.node_id
            )
        """)
    private static let putAttendances = PostgresStatement(
        "copy.attendances.put",
        """
        INSERT INTO attendances AS a (user_id, node_id, since, seen_until, due_at)
        SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::timestamptz[])
        ON CONFLICT (user_id, node_id) DO UPDATE SET since = excluded.since, seen_until = excluded.seen_until, due_at = excluded.due_at
        WHERE (a.since, a.seen_until, a.due_at) IS DISTINCT FROM (excluded.since, excluded.seen_until, excluded.due_at)
        """)

    /// Makes the attendances between two keys what a page says. Tells how many rows changed.
    /// - Parameter through: The last key on the page; nil for the last page.
    public func putAttendances(
        _ records: [CopiedAttendance], after: CopiedAttendance.Key?, through: CopiedAttendance.Key?
    ) async throws -> Int {
        let keys: [PostgresValue] = [.ids(records.map(\.key.userID)), .texts(records.map(\.key.node.description))]
        let bounds: [PostgresValue] = [
            .id(after?.userID), .text(after?.node.description), .id(through?.userID), .text(through?.node.description),
        ]
        let times: [PostgresValue] = [
            .timestamps(records.map(\.since)), .timestamps(records.map(\.seenUntil)), .timestamps(records.map(\.dueAt)),
        ]
        let calls = [
            PostgresCall(statement: Self.removeAttendances, parameters: bounds + keys),
            PostgresCall(statement: Self.putAttendances, parameters: keys + times),
        ]
        return try await write { transaction throws(PostgresFailure) in try transaction.run(calls).reduce(0) { $0 + $1.changed } }
    }

    // MARK: What devices show

    private static func removal(_ table: String, _ column: String) -> PostgresStatement {
        PostgresStatement(
            "copy.\(table).remove",
            """
            DELETE FROM \(table) AS t WHERE ($1::uuid IS NULL OR user_id > $1) AND ($2::uuid IS NULL OR user_id <= $2)
                AND NOT EXISTS (
                    SELECT 1 FROM unnest($3::uuid[], $4::uuid[], $5::uuid[]) AS new (user_id, device_id, conversation_id)
                    WHERE new.user_id = t.user_id AND \(column)
                )
            """)
    }

    private static let removeDevices = removal("push_devices", "new.device_id = t.device_id")
    private static let removeShown = removal("push_shown", "new.device_id = t.device_id AND new.conversation_id = t.conversation_id")
    private static let removeTakeBacks = removal("push_take_backs", "new.conversation_id = t.conversation_id")

    private static let putDevices = PostgresStatement(
        "copy.push_devices.put",
        """
        INSERT INTO push_devices AS p (user_id, device_id, badge, reads) SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[])
        ON CONFLICT (user_id, device_id) DO UPDATE SET badge = excluded.badge, reads = excluded.reads
        WHERE (p.badge, p.reads) <> (excluded.badge, excluded.reads)
        """)
    private static let putShown = PostgresStatement(
        "copy.push_shown.put",
        """
        INSERT INTO push_shown AS s (user_id, device_id, conversation_id, alerts)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::int8[])
        ON CONFLICT (user_id, conversation_id, device_id) DO UPDATE SET alerts = excluded.alerts WHERE s.alerts <> excluded.alerts
        """)
    private static let putTakeBacks = PostgresStatement(
        "copy.push_take_backs.put",
        """
        INSERT INTO push_take_backs AS t (user_id, conversation_id, last_read_sequence, due_at, attempts)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::timestamptz[], $5::int8[])
        ON CONFLICT (user_id, conversation_id) DO UPDATE SET
            last_read_sequence = excluded.last_read_sequence, due_at = excluded.due_at, attempts = excluded.attempts
        WHERE (t.last_read_sequence, t.due_at, t.attempts) <> (excluded.last_read_sequence, excluded.due_at, excluded.attempts)
        """)

    /// Makes what the users between two are shown what a page says. Tells how many rows changed.
    /// - Parameter through: The last user on the page; nil for the last page.
    public func putShowings(_ records: [CopiedShowing], after: UserID?, through: UserID?) async throws -> Int {
        let devices = records.flatMap { record in record.devices.map { (user: record.userID, row: $0) } }
        let alerts = records.flatMap { record in record.alerts.map { (user: record.userID, row: $0) } }
        let takeBacks = records.flatMap { record in record.takeBacks.map { (user: record.userID, row: $0) } }
        let range: [PostgresValue] = [.id(after), .id(through)]
        let none = PostgresValue.ids([UserID]())
        let ofDevices: [PostgresValue] = [.ids(devices.map(\.user)), .ids(devices.map(\.row.id))]
        let ofAlerts: [PostgresValue] = [
            .ids(alerts.map(\.user)), .ids(alerts.map(\.row.deviceID)), .ids(alerts.map(\.row.conversationID)),
        ]
        let ofTakeBacks: [PostgresValue] = [.ids(takeBacks.map(\.user)), .ids(takeBacks.map(\.row.conversationID))]
        let badges: [PostgresValue] = [.int64s(devices.map(\.row.badge)), .int64s(devices.map(\.row.reads))]
        let due: [PostgresValue] = [
            .int64s(takeBacks.map(\.row.lastReadSequence)), .timestamps(takeBacks.map(\.row.dueAt)), .int64s(takeBacks.map(\.row.attempts)),
        ]
        let calls = [
            PostgresCall(statement: Self.removeDevices, parameters: range + ofDevices + [none]),
            PostgresCall(statement: Self.removeShown, parameters: range + ofAlerts),
            PostgresCall(statement: Self.removeTakeBacks, parameters: range + [ofTakeBacks[0], none, ofTakeBacks[1]]),
            PostgresCall(statement: Self.putDevices, parameters: ofDevices + badges),
            PostgresCall(statement: Self.putShown, parameters: ofAlerts + [.int64s(alerts.map(\.row.count))]),
            PostgresCall(statement: Self.putTakeBacks, parameters: ofTakeBacks + due),
        ]
        return try await write { transaction throws(PostgresFailure) in try transaction.run(calls).reduce(0) { $0 + $1.changed } }
    }
}
