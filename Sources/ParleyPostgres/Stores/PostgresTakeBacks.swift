import ParleyCore
import ParleyModel

/// What is to be taken back: the statements that make it due in the transaction of a reading, and those that hand it out. The
/// schema says what the columns mean.
///
/// Whoever reads, and whoever notes what a device shows, locks the rows of the user's devices first and judges in a statement
/// after that, whose snapshot then shows what the other one has done.
enum PostgresTakeBacks {
    // MARK: Making it due

    private static let countReading = PostgresStatement(
        "take-back.reading", "UPDATE push_devices SET reads = reads + 1 WHERE user_id = $1")

    /// Ends with what to do where there is one already: a lease goes on, and finds at its end that there was cause again.
    private static let upsert = """
        ON CONFLICT (user_id, conversation_id) DO UPDATE SET
            last_read_sequence = greatest(t.last_read_sequence, excluded.last_read_sequence), is_renewed = true
        """
    private static let told = """
        told AS (SELECT bool_or(badge <> 0) AS is_badged FROM push_devices WHERE user_id = $2 HAVING count(*) > 0)
        """
    private static let hasCause = """
        (is_badged OR EXISTS (SELECT 1 FROM gone)
            OR EXISTS (SELECT 1 FROM push_take_backs AS other WHERE other.user_id = $2 AND other.conversation_id = $1))
        """

    /// Only where the marker's row was written by this very transaction: another one that moved it does the same.
    private static let read = PostgresStatement(
        "take-back.read",
        """
        WITH \(told), moved AS (
            SELECT p.user_id, p.last_read_sequence, told.is_badged FROM told, participants AS p
            WHERE p.conversation_id = $1 AND p.user_id = $2 AND p.xmin = pg_current_xact_id()::xid
        ), gone AS (
            DELETE FROM push_shown WHERE user_id = (SELECT user_id FROM moved) AND conversation_id = $1 RETURNING 1
        )
        INSERT INTO push_take_backs AS t (user_id, conversation_id, last_read_sequence, due_at)
        SELECT $2, $1, last_read_sequence, $3 FROM moved WHERE \(hasCause)
        \(upsert)
        """)

    /// Who has left has read everything.
    private static let left = PostgresStatement(
        "take-back.left",
        """
        WITH \(told), gone AS (
            DELETE FROM push_shown WHERE user_id = (SELECT $2 FROM told) AND conversation_id = $1 RETURNING 1
        )
        INSERT INTO push_take_backs AS t (user_id, conversation_id, last_read_sequence, due_at)
        SELECT $2, $1, c.last_sequence, $3 FROM told, conversations AS c WHERE c.conversation_id = $1 AND \(hasCause)
        \(upsert)
        """)

    /// What follows the statement that moves a read marker. For users none of whose devices an alert was ever meant for each is
    /// one look-up.
    static func afterReading(by user: UserID, in conversation: ConversationID, at now: Timestamp) -> [PostgresCall] {
        [countReading(.id(user)), read(.id(conversation), .id(user), .timestamp(now))]
    }

    /// What follows the statement that takes a participant out.
    static func afterLeaving(of user: UserID, _ conversation: ConversationID, at now: Timestamp) -> [PostgresCall] {
        [countReading(.id(user)), left(.id(conversation), .id(user), .timestamp(now))]
    }

    // MARK: Leases

    private static let lease = PostgresStatement(
        "take-back.lease",
        """
        WITH due AS (
            SELECT user_id, conversation_id, due_at FROM push_take_backs WHERE due_at <= $1 ORDER BY due_at LIMIT $2
            FOR UPDATE SKIP LOCKED
        )
        UPDATE push_take_backs AS t SET
            due_at = $3, attempts = attempts + 1, leased_sequence = last_read_sequence, is_renewed = false,
            reads = coalesce((SELECT max(p.reads) FROM push_devices AS p WHERE p.user_id = t.user_id), 0)
        FROM due WHERE t.user_id = due.user_id AND t.conversation_id = due.conversation_id
        RETURNING t.user_id, t.conversation_id, t.last_read_sequence, t.attempts, due.due_at
        """)

    static func lease(
        limit: Int, until end: Timestamp, at now: Timestamp, _ connection: PostgresConnection
    ) throws(PostgresFailure) -> [TakeBack] {
        let rows = try connection.write(lease(.timestamp(now), .int64(Int64(limit)), .timestamp(end)))
        let leased = try rows.map { row throws(PostgresFailure) in
            let takeBack = TakeBack(
                userID: try row.id(0), conversationID: try row.id(1), lastReadSequence: try row.int64(2), attempt: Int(try row.int64(3)))
            return (takeBack, dueAt: try row.timestamp(4))
        }
        return leased.sorted { $0.dueAt < $1.dueAt }.map(\.0)
    }

    private static let lockDevices = PostgresStatement(
        "take-back.devices",
        """
        SELECT 1 FROM push_devices WHERE user_id = ANY ($1) ORDER BY user_id, device_id FOR UPDATE
        """)
    private static let setBadges = PostgresStatement(
        "take-back.badges",
        """
        UPDATE push_devices AS p SET badge = new.badge FROM unnest($1::uuid[], $2::uuid[], $3::int8[]) AS new (user_id, device_id, badge)
        WHERE p.user_id = new.user_id AND p.device_id = new.device_id AND p.badge <> new.badge
        """)
    /// A lease is known by what it was given.
    private static let isLease = """
        t.user_id = lease.user_id AND t.conversation_id = lease.conversation_id AND t.leased_sequence = lease.sequence
            AND t.attempts = lease.attempt
        """
    private static let later = PostgresStatement(
        "take-back.later",
        """
        UPDATE push_take_backs AS t SET due_at = lease.due_at
        FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[], $5::timestamptz[])
            AS lease (user_id, conversation_id, sequence, attempt, due_at)
        WHERE \(isLease)
        """)
    private static let again = PostgresStatement(
        "take-back.again",
        """
        UPDATE push_take_backs AS t SET
            due_at = $6, leased_sequence = NULL, attempts = CASE WHEN t.last_read_sequence > lease.sequence THEN 0 ELSE t.attempts END
        FROM unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[], $5::int8[])
            AS lease (user_id, conversation_id, sequence, attempt, is_badged)
        WHERE \(isLease) AND (t.is_renewed OR lease.is_badged = 1
            AND t.reads <> coalesce((SELECT max(p.reads) FROM push_devices AS p WHERE p.user_id = t.user_id), 0))
        """)
    private static let end = PostgresStatement(
        "take-back.end",
        """
        DELETE FROM push_take_backs AS t
        USING unnest($1::uuid[], $2::uuid[], $3::int8[], $4::int8[]) AS lease (user_id, conversation_id, sequence, attempt)
        WHERE \(isLease) AND NOT t.is_renewed
        """)

    static func finish(_ results: [(takeBack: TakeBack, result: TakeBackResult)], at now: Timestamp) -> [PostgresCall] {
        var badges: [(user: UserID, device: DeviceID, badge: Int64)] = []
        var (done, isBadged): ([TakeBack], [Int64]) = ([], [])
        var (retried, dueAt): ([TakeBack], [Timestamp]) = ([], [])
        for (takeBack, result) in results {
            switch result {
            case .retry(let seconds):
                retried.append(takeBack)
                dueAt.append(now.advanced(bySeconds: seconds))
            case .done(let told):
                done.append(takeBack)
                isBadged.append(told.values.contains { $0 != 0 } ? 1 : 0)
                badges += told.map { (takeBack.userID, $0.key, $0.value) }
            }
        }
        // A device that was never told anything shows 0.
        let numbered = badges.filter { $0.badge != 0 }
        return [
            PostgresAlerts.ensureDevices(numbered.map(\.user), numbered.map(\.device)),
            lockDevices(.ids(Array(Set(badges.map(\.user))))),
            setBadges(.ids(badges.map(\.user)), .ids(badges.map(\.device)), .int64s(badges.map(\.badge))),
            PostgresCall(statement: later, parameters: columns(retried) + [.timestamps(dueAt)]),
            PostgresCall(statement: again, parameters: columns(done) + [.int64s(isBadged), .timestamp(now)]),
            PostgresCall(statement: end, parameters: columns(done)),
        ]
    }

    private static func columns(_ takeBacks: [TakeBack]) -> [PostgresValue] {
        [
            .ids(takeBacks.map(\.userID)), .ids(takeBacks.map(\.conversationID)), .int64s(takeBacks.map(\.lastReadSequence)),
            .int64s(takeBacks.map { Int64($0.attempt) }),
        ]
    }
}
