import ParleyCore
import ParleyModel

/// The statements about alerts that devices show. The schema says what the columns mean.
enum PostgresAlerts {
    // MARK: Devices

    /// The devices' rows are held until the commit, so that none is removed or moved before these are there.
    private static let ensure = PostgresStatement(
        "alert.devices",
        """
        INSERT INTO push_devices (user_id, device_id, reads)
        SELECT d.user_id, d.device_id, coalesce((SELECT max(p.reads) FROM push_devices AS p WHERE p.user_id = d.user_id), 0)
        FROM unnest($1::uuid[], $2::uuid[]) AS asked (user_id, device_id)
        JOIN devices AS d ON d.device_id = asked.device_id AND d.user_id = asked.user_id
        WHERE NOT EXISTS (SELECT 1 FROM push_devices AS p WHERE p.user_id = d.user_id AND p.device_id = d.device_id)
        ORDER BY d.user_id, d.device_id FOR SHARE OF d
        ON CONFLICT (user_id, device_id) DO NOTHING
        """)

    static func ensureDevices(_ users: [UserID], _ devices: [DeviceID]) -> PostgresCall { ensure(.ids(users), .ids(devices)) }

    private static let forgetDevice = PostgresStatement(
        "alert.forget-device",
        """
        DELETE FROM push_devices WHERE user_id = $2 AND device_id = $1 AND NOT EXISTS (SELECT 1 FROM devices WHERE device_id = $1)
        """)
    private static let forgetShown = PostgresStatement(
        "alert.forget-shown",
        """
        DELETE FROM push_shown WHERE user_id = $2 AND device_id = $1 AND NOT EXISTS (SELECT 1 FROM devices WHERE device_id = $1)
        """)
    private static let forgetAlerts = PostgresStatement(
        "alert.forget-alerts",
        "DELETE FROM push_alerts WHERE device_id = $1 AND NOT EXISTS (SELECT 1 FROM devices WHERE device_id = $1)")

    /// What follows the statement that removes a device, if it was.
    static func forgetRemoved(_ device: DeviceID, of user: UserID) -> [PostgresCall] {
        [forgetDevice(.id(device), .id(user)), forgetShown(.id(device), .id(user)), forgetAlerts(.id(device))]
    }

    private static let moveDevice = PostgresStatement(
        "alert.move-device",
        """
        UPDATE push_devices SET user_id = $2,
            reads = coalesce((SELECT max(p.reads) FROM push_devices AS p WHERE p.user_id = $2), 0)
        WHERE user_id = $1 AND device_id = $3
        """)
    private static let moveShown = PostgresStatement(
        "alert.move-shown", "DELETE FROM push_shown WHERE user_id = $1 AND device_id = $2")
    private static let moveAlerts = PostgresStatement("alert.move-alerts", "DELETE FROM push_alerts WHERE device_id = $1")

    /// What follows the statement that gives a device to another user: the number that it shows goes with it, alerts do not.
    static func move(_ device: DeviceID, from old: UserID, to new: UserID) -> [PostgresCall] {
        guard old != new else { return [] }
        return [moveDevice(.id(old), .id(new), .id(device)), moveShown(.id(old), .id(device)), moveAlerts(.id(device))]
    }

    // MARK: Claims

    /// In the order of their keys, so that workers with the same alerts wait for each other and never in a circle. A device
    /// that the user does not have has no row to be joined.
    private static let claim = PostgresStatement(
        "alert.claim",
        """
        INSERT INTO push_alerts AS a (device_id, message_id, conversation_id, user_id, sequence_number, at, claimed_by, reads)
        SELECT new.device_id, new.message_id, new.conversation_id, new.user_id, new.sequence, $6, $8, p.reads
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::int8[])
            AS new (device_id, message_id, conversation_id, user_id, sequence)
        JOIN push_devices AS p ON p.user_id = new.user_id AND p.device_id = new.device_id
        JOIN conversations AS c ON c.conversation_id = new.conversation_id
        ORDER BY new.device_id, new.message_id
        ON CONFLICT (device_id, message_id) DO UPDATE SET at = excluded.at, claimed_by = excluded.claimed_by, reads = excluded.reads
        WHERE NOT a.is_sent AND a.at <= $7
        RETURNING a.device_id, a.message_id, coalesce((
            SELECT s.alerts FROM push_shown AS s
            WHERE s.user_id = a.user_id AND s.conversation_id = a.conversation_id AND s.device_id = a.device_id
        ), 0)
        """)
    /// How those stand that were not granted. One that was released meanwhile is not there, and counts as held.
    private static let find = PostgresStatement(
        "alert.find",
        """
        SELECT asked.device_id, asked.message_id, coalesce(a.is_sent, false)
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[]) AS asked (device_id, message_id, conversation_id, user_id)
        JOIN push_devices AS p ON p.user_id = asked.user_id AND p.device_id = asked.device_id
        JOIN conversations AS c ON c.conversation_id = asked.conversation_id
        LEFT JOIN push_alerts AS a ON a.device_id = asked.device_id AND a.message_id = asked.message_id
        """)

    /// - Parameter alerts: Each key once.
    static func claim(
        _ alerts: [IntendedAlert], by claimant: Identifier<ClaimantKind>, until: Timestamp, at now: Timestamp,
        _ connection: PostgresConnection
    ) throws(PostgresFailure) -> [AlertKey: AlertClaim] {
        let keys: [PostgresValue] = [
            .ids(alerts.map(\.key.deviceID)), .texts(alerts.map(\.key.messageID.description)), .ids(alerts.map(\.conversationID)),
            .ids(alerts.map(\.userID)),
        ]
        let rest: [PostgresValue] = [.int64s(alerts.map(\.sequenceNumber)), .timestamp(until), .timestamp(now), .id(claimant)]
        let answers = try connection.write([
            ensureDevices(alerts.map(\.userID), alerts.map(\.key.deviceID)), PostgresCall(statement: claim, parameters: keys + rest),
            PostgresCall(statement: find, parameters: keys),
        ])
        // What is found nowhere is for a device that is not the user's any more.
        var claims: [AlertKey: AlertClaim] = [:]
        for alert in alerts { claims[alert.key] = .sent }
        for number in 0..<answers[2].count {
            let row = answers[2][number]
            claims[try key(row)] = try row.bool(2) ? .sent : .held
        }
        for number in 0..<answers[1].count {
            let row = answers[1][number]
            claims[try key(row)] = .granted(earlier: Int(try row.int64(2)))
        }
        return claims
    }

    private static func key(_ row: PostgresRow) throws(PostgresFailure) -> AlertKey {
        guard let message = MessageID(try row.text(1)) else { throw .damaged("an alert's message id is not 24 hex digits") }
        return AlertKey(messageID: message, deviceID: try row.id(0))
    }

    // MARK: Outcomes

    /// Not a claim that another one holds since this one's ended.
    private static let release = PostgresStatement(
        "alert.release",
        """
        DELETE FROM push_alerts AS a USING unnest($1::uuid[], $2::text[]) AS claim (device_id, message_id)
        WHERE a.device_id = claim.device_id AND a.message_id = claim.message_id AND NOT a.is_sent AND a.claimed_by = $3
        """)
    private static let lockDevices = PostgresStatement(
        "alert.lock",
        """
        SELECT 1 FROM push_devices AS p WHERE (p.user_id, p.device_id) IN (
            SELECT a.user_id, a.device_id FROM unnest($1::uuid[], $2::text[]) AS sent (device_id, message_id)
            JOIN push_alerts AS a ON a.device_id = sent.device_id AND a.message_id = sent.message_id
        ) ORDER BY p.user_id, p.device_id FOR UPDATE
        """)
    private static let noteSent = PostgresStatement(
        "alert.sent",
        """
        WITH told AS (
            UPDATE push_alerts AS a SET is_sent = true, at = $4
            FROM unnest($1::uuid[], $2::text[], $3::int8[]) AS sent (device_id, message_id, badge), push_devices AS p
            WHERE a.device_id = sent.device_id AND a.message_id = sent.message_id AND NOT a.is_sent
                AND p.user_id = a.user_id AND p.device_id = a.device_id
            RETURNING a.user_id, a.device_id, a.conversation_id, a.sequence_number, sent.badge, p.reads <> a.reads AS has_read
        ), judged AS (
            SELECT told.*, m.last_read_sequence,
                m.user_id IS NULL OR coalesce(m.last_read_sequence >= told.sequence_number, false) AS is_past
            FROM told LEFT JOIN participants AS m ON m.conversation_id = told.conversation_id AND m.user_id = told.user_id
        ), badged AS (
            UPDATE push_devices AS p SET badge = new.badge FROM (
                SELECT user_id, device_id, max(badge) AS badge FROM told WHERE badge IS NOT NULL GROUP BY user_id, device_id
            ) AS new
            WHERE p.user_id = new.user_id AND p.device_id = new.device_id AND p.badge <> new.badge
        ), shown AS (
            INSERT INTO push_shown AS s (user_id, conversation_id, device_id, alerts)
            SELECT user_id, conversation_id, device_id, count(*) FROM judged WHERE NOT is_past
            GROUP BY user_id, conversation_id, device_id
            ON CONFLICT (user_id, conversation_id, device_id) DO UPDATE SET alerts = s.alerts + excluded.alerts
        )
        INSERT INTO push_take_backs AS t (user_id, conversation_id, last_read_sequence, due_at)
        SELECT DISTINCT j.user_id, j.conversation_id, coalesce(j.last_read_sequence, c.last_sequence), $4
        FROM judged AS j JOIN conversations AS c ON c.conversation_id = j.conversation_id
        WHERE j.is_past OR j.has_read AND j.badge <> 0
        ON CONFLICT (user_id, conversation_id) DO UPDATE SET
            last_read_sequence = greatest(t.last_read_sequence, excluded.last_read_sequence), is_renewed = true
        """)

    static func settle(
        _ outcomes: [AlertKey: AlertOutcome], by claimant: Identifier<ClaimantKind>, at now: Timestamp
    ) -> [PostgresCall] {
        var released: [AlertKey] = []
        var sent: [(key: AlertKey, badge: Int64?)] = []
        for (key, outcome) in outcomes {
            switch outcome {
            case .released: released.append(key)
            case .sent(let badge): sent.append((key, badge))
            }
        }
        let keys: [PostgresValue] = [.ids(sent.map(\.key.deviceID)), .texts(sent.map(\.key.messageID.description))]
        return [
            release(.ids(released.map(\.deviceID)), .texts(released.map(\.messageID.description)), .id(claimant)),
            PostgresCall(statement: lockDevices, parameters: keys),
            PostgresCall(statement: noteSent, parameters: keys + [.int64s(sent.map(\.badge)), .timestamp(now)]),
        ]
    }
}

/// Names for who claims alerts: one process.
enum ClaimantKind {}
