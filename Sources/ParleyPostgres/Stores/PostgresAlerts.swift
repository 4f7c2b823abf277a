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

    /// What follows the statement that removes a device, if it was. The alerts themselves stay until they are old: without the user's
    /// row among the devices they count for nothing.
    static func forgetRemoved(_ device: DeviceID, of user: UserID) -> [PostgresCall] {
        [forgetDevice(.id(device), .id(user)), forgetShown(.id(device), .id(user))]
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

    /// What follows the statement that gives a device to another user: the number that it shows goes with it, alerts do not.
    static func move(_ device: DeviceID, from old: UserID, to new: UserID) -> [PostgresCall] {
        guard old != new else { return [] }
        return [moveDevice(.id(old), .id(new), .id(device)), moveShown(.id(old), .id(device))]
    }

    // MARK: Claims

    private static let holdDevices = PostgresStatement(
        "alert.hold",
        """
        SELECT 1 FROM push_devices AS p WHERE (p.user_id, p.device_id) IN (SELECT * FROM unnest($1::uuid[], $2::uuid[]))
        ORDER BY p.user_id, p.device_id FOR UPDATE
        """)
    /// In the order of their keys, so that workers with the same alerts wait for each other and never in a circle. A device
    /// that the user does not have has no row to be joined; an alert to whoever had the device before is as none. One that was claimed
    /// before counts already, unless something was read since.
    private static let claim = PostgresStatement(
        "alert.claim",
        """
        WITH granted AS (
            INSERT INTO push_alerts AS a (device_id, message_id, conversation_id, user_id, sequence_number, at, claimed_by, reads)
            SELECT new.device_id, new.message_id, new.conversation_id, new.user_id, new.sequence, $6, $8, p.reads
            FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::int8[])
                AS new (device_id, message_id, conversation_id, user_id, sequence)
            JOIN push_devices AS p ON p.user_id = new.user_id AND p.device_id = new.device_id
            JOIN conversations AS c ON c.conversation_id = new.conversation_id
            ORDER BY new.message_id, new.device_id
            ON CONFLICT (message_id, device_id) DO UPDATE SET
                conversation_id = excluded.conversation_id, user_id = excluded.user_id, sequence_number = excluded.sequence_number,
                is_sent = false, at = excluded.at, claimed_by = excluded.claimed_by, reads = excluded.reads,
                is_doubtful = a.user_id = excluded.user_id
            WHERE NOT a.is_sent AND a.at <= $7 OR a.user_id <> excluded.user_id
            RETURNING a.device_id, a.message_id, a.user_id, a.conversation_id, a.is_doubtful
        ), counted AS (
            INSERT INTO push_shown AS s (user_id, conversation_id, device_id, alerts)
            SELECT user_id, conversation_id, device_id, count(*) FILTER (WHERE NOT is_doubtful) + bool_or(is_doubtful)::int
            FROM granted GROUP BY user_id, conversation_id, device_id ORDER BY user_id, conversation_id, device_id
            ON CONFLICT (user_id, conversation_id, device_id) DO UPDATE SET alerts = s.alerts + (
                SELECT count(*) FROM granted AS g WHERE NOT g.is_doubtful
                    AND g.user_id = s.user_id AND g.conversation_id = s.conversation_id AND g.device_id = s.device_id
            )
        )
        SELECT g.device_id, g.message_id, g.is_doubtful, coalesce(s.alerts, 0) FROM granted AS g
        LEFT JOIN push_shown AS s ON s.user_id = g.user_id AND s.conversation_id = g.conversation_id AND s.device_id = g.device_id
        """)
    /// How those stand that were not granted. One that was released meanwhile is not there, and counts as held.
    private static let find = PostgresStatement(
        "alert.find",
        """
        SELECT asked.device_id, asked.message_id, coalesce(a.is_sent, false)
        FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[]) AS asked (device_id, message_id, conversation_id, user_id)
        JOIN push_devices AS p ON p.user_id = asked.user_id AND p.device_id = asked.device_id
        JOIN conversations AS c ON c.conversation_id = asked.conversation_id
        LEFT JOIN push_alerts AS a
            ON a.message_id = asked.message_id AND a.device_id = asked.device_id AND a.user_id = asked.user_id
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
        let (users, devices) = (alerts.map(\.userID), alerts.map(\.key.deviceID))
        let answers = try connection.write([
            ensureDevices(users, devices), holdDevices(.ids(users), .ids(devices)), PostgresCall(statement: claim, parameters: keys + rest),
            PostgresCall(statement: find, parameters: keys),
        ])
        // What is found nowhere is for a device that is not the user's any more.
        var claims: [AlertKey: AlertClaim] = [:]
        for alert in alerts { claims[alert.key] = .sent }
        for number in 0..<answers[3].count {
            let row = answers[3][number]
            claims[try key(row)] = try row.bool(2) ? .sent : .held
        }
        var granted: [AlertKey: (isDoubtful: Bool, shown: Int)] = [:]
        for number in 0..<answers[2].count {
            let row = answers[2][number]
            granted[try key(row)] = (try row.bool(2), Int(try row.int64(3)))
        }
        return claims.merging(earlier(alerts, granted)) { $1 }
    }

    /// Those of one conversation on one device count each other, in their order.
    ///
    /// - Parameter granted: What was counted before any of them.
    private static func earlier(_ alerts: [IntendedAlert], _ granted: [AlertKey: (isDoubtful: Bool, shown: Int)]) -> [AlertKey: AlertClaim]
    {
        struct Thread: Hashable {
            let device: DeviceID
            let conversation: ConversationID
        }
        var counts: [Thread: Int] = [:]
        var claims: [AlertKey: AlertClaim] = [:]
        for alert in alerts {
            guard let grant = granted[alert.key] else { continue }
            let thread = Thread(device: alert.key.deviceID, conversation: alert.conversationID)
            let count = counts[thread] ?? grant.shown
            claims[alert.key] = .granted(earlier: grant.isDoubtful ? max(count - 1, 0) : count)
            counts[thread] = grant.isDoubtful ? max(count, 1) : count + 1
        }
        return claims
    }

    private static func key(_ row: PostgresRow) throws(PostgresFailure) -> AlertKey {
        guard let message = MessageID(try row.text(1)) else { throw .damaged("an alert's message id is not 24 hex digits") }
        return AlertKey(messageID: message, deviceID: try row.id(0))
    }

    // MARK: Outcomes

    /// From what is shown, where nothing was read since the claim: that would have set the count back, if it was of this conversation.
    private static let uncounted = """
        emptied AS (
            DELETE FROM push_shown AS s USING gone
            WHERE s.user_id = gone.user_id AND s.conversation_id = gone.conversation_id AND s.device_id = gone.device_id
                AND s.alerts <= gone.alerts
        ), lessened AS (
            UPDATE push_shown AS s SET alerts = s.alerts - gone.alerts FROM gone
            WHERE s.user_id = gone.user_id AND s.conversation_id = gone.conversation_id AND s.device_id = gone.device_id
                AND s.alerts > gone.alerts
        )
        """
    /// Not a claim that another one holds since this one's ended. Of one that may have been sent before the row stays.
    private static let release = PostgresStatement(
        "alert.release",
        """
        WITH claim AS (
            SELECT device_id, message_id FROM unnest($1::uuid[], $2::text[]) AS claim (device_id, message_id)
        ), freed AS (
            DELETE FROM push_alerts AS a USING claim
            WHERE a.device_id = claim.device_id AND a.message_id = claim.message_id AND NOT a.is_sent AND a.claimed_by = $3
                AND NOT a.is_doubtful
            RETURNING a.user_id, a.device_id, a.conversation_id, a.reads
        ), gone AS (
            SELECT f.user_id, f.conversation_id, f.device_id, count(*) AS alerts FROM freed AS f
            JOIN push_devices AS p ON p.user_id = f.user_id AND p.device_id = f.device_id AND p.reads = f.reads
            GROUP BY f.user_id, f.conversation_id, f.device_id
        ), \(uncounted)
        UPDATE push_alerts AS a SET at = $4 FROM claim
        WHERE a.device_id = claim.device_id AND a.message_id = claim.message_id AND NOT a.is_sent AND a.claimed_by = $3 AND a.is_doubtful
        """)
    private static let lockDevices = PostgresStatement(
        "alert.lock",
        """
        SELECT 1 FROM push_devices AS p WHERE (p.user_id, p.device_id) IN (
            SELECT a.user_id, a.device_id FROM unnest($1::uuid[], $2::text[]) AS sent (device_id, message_id)
            JOIN push_alerts AS a ON a.device_id = sent.device_id AND a.message_id = sent.message_id
        ) ORDER BY p.user_id, p.device_id FOR UPDATE
        """)
    /// Alerts that were sent, or may have been. They count as shown since their claim, unless something before them was read
    /// meanwhile. Of a number of 0 that may not have arrived nothing follows: the one before may still be there.
    private static let noteShown = PostgresStatement(
        "alert.shown",
        """
        WITH told AS (
            UPDATE push_alerts AS a SET
                is_sent = (sent.is_certain = 1), at = CASE WHEN sent.is_certain = 1 OR a.claimed_by = $6 THEN $4 ELSE a.at END
            FROM unnest($1::uuid[], $2::text[], $3::int8[], $5::int8[]) AS sent (device_id, message_id, badge, is_certain), push_devices AS p
            WHERE a.device_id = sent.device_id AND a.message_id = sent.message_id AND NOT a.is_sent
                AND p.user_id = a.user_id AND p.device_id = a.device_id
            RETURNING a.user_id, a.device_id, a.conversation_id, a.sequence_number, sent.badge, sent.is_certain,
                p.reads <> a.reads AS has_read
        ), judged AS (
            SELECT told.*, m.last_read_sequence,
                m.user_id IS NULL OR coalesce(m.last_read_sequence >= told.sequence_number, false) AS is_past
            FROM told LEFT JOIN participants AS m ON m.conversation_id = told.conversation_id AND m.user_id = told.user_id
        ), badged AS (
            UPDATE push_devices AS p SET badge = new.badge FROM (
                SELECT user_id, device_id, max(badge) AS badge FROM told
                WHERE badge IS NOT NULL AND (is_certain = 1 OR badge <> 0) GROUP BY user_id, device_id
            ) AS new
            WHERE p.user_id = new.user_id AND p.device_id = new.device_id AND p.badge <> new.badge
        ), shown AS (
            INSERT INTO push_shown (user_id, conversation_id, device_id, alerts)
            SELECT DISTINCT user_id, conversation_id, device_id, 1 FROM judged WHERE NOT is_past
            ON CONFLICT (user_id, conversation_id, device_id) DO NOTHING
        ), gone AS (
            SELECT user_id, conversation_id, device_id, count(*) AS alerts FROM judged WHERE is_past AND NOT has_read
            GROUP BY user_id, conversation_id, device_id
        ), \(uncounted)
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
        var shown: [(key: AlertKey, badge: Int64?, isCertain: Int64)] = []
        for (key, outcome) in outcomes {
            switch outcome {
            case .released: released.append(key)
            case .sent(let badge): shown.append((key, badge, 1))
            case .unknown(let badge): shown.append((key, badge, 0))
            }
        }
        func columns(_ keys: some Collection<AlertKey>) -> [PostgresValue] {
            [.ids(keys.map(\.deviceID)), .texts(keys.map(\.messageID.description))]
        }
        return [
            PostgresCall(statement: lockDevices, parameters: columns(outcomes.keys)),
            PostgresCall(statement: release, parameters: columns(released) + [.id(claimant), .timestamp(now)]),
            PostgresCall(
                statement: noteShown,
                parameters: columns(shown.map(\.key)) + [
                    .int64s(shown.map(\.badge)), .timestamp(now), .int64s(shown.map(\.isCertain)), .id(claimant),
                ]),
        ]
    }
}

/// Names for who claims alerts: one process.
enum ClaimantKind {}
