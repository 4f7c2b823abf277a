public import ParleyCore
public import ParleyModel

/// Who sits at connections of which node and who is to be looked at again, in PostgreSQL. Rows are locked in the order of users.
public struct PostgresAttendanceStore: AttendanceStore {
    private let database: PostgresDatabase

    /// Over a database that is migrated.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    // MARK: Coming and going

    private static let begin = PostgresStatement(
        "attendance.begin",
        """
        INSERT INTO attendances (user_id, node_id, since)
        SELECT DISTINCT user_id, $2, $3 FROM unnest($1::uuid[]) AS come (user_id) ORDER BY user_id
        ON CONFLICT (user_id, node_id) DO UPDATE SET seen_until = NULL, due_at = NULL
        """)

    public func began(_ users: [UserID], at node: NodeID, since time: Timestamp) async throws(StoreError) {
        guard !users.isEmpty else { return }
        try await change(Self.begin(.ids(users), .text(node.description), .timestamp(time)))
    }

    private static let end = PostgresStatement(
        "attendance.end",
        """
        INSERT INTO attendances AS a (user_id, node_id, since, seen_until, due_at)
        SELECT user_id, $4, since, seen_until, $5
        FROM unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[]) AS gone (user_id, since, seen_until) ORDER BY user_id
        ON CONFLICT (user_id, node_id) DO UPDATE SET
            since = least(a.since, excluded.since), seen_until = excluded.seen_until, due_at = excluded.due_at
        """)

    public func ended(_ attendances: [EndedAttendance], at node: NodeID, dueAt: Timestamp) async throws(StoreError) {
        guard !attendances.isEmpty else { return }
        try await change(
            Self.end(
                .ids(attendances.map(\.userID)), .timestamps(attendances.map(\.since)), .timestamps(attendances.map(\.seenUntil)),
                .text(node.description), .timestamp(dueAt)))
    }

    private static let endNode = PostgresStatement(
        "attendance.end_node", "UPDATE attendances SET due_at = $2 WHERE node_id = $1 AND due_at IS NULL")

    @discardableResult
    public func ended(node: NodeID, dueAt: Timestamp) async throws(StoreError) -> Int {
        try await change(Self.endNode(.text(node.description), .timestamp(dueAt)))
    }

    /// The nodes with users are found by skipping from one to the next in the index. One is gone when it holds no lease of its
    /// own, and has held none for some seconds: while PostgreSQL is away, everybody's leases end.
    private static let endLost = PostgresStatement(
        "attendance.end_lost",
        """
        WITH RECURSIVE nodes (node_id) AS (
            (SELECT node_id FROM attendances WHERE due_at IS NULL ORDER BY node_id LIMIT 1)
            UNION ALL
            SELECT (
                SELECT a.node_id FROM attendances AS a WHERE a.due_at IS NULL AND a.node_id > nodes.node_id ORDER BY a.node_id LIMIT 1
            ) FROM nodes WHERE nodes.node_id IS NOT NULL
        ), lost AS (
            SELECT node_id FROM nodes WHERE node_id IS NOT NULL AND NOT EXISTS (
                SELECT 1 FROM node_checkpoints AS n
                WHERE n.node_id = nodes.node_id AND n.leased_by = n.node_id AND n.leased_until > clock_timestamp() - interval '20 seconds'
            )
        )
        UPDATE attendances SET due_at = $1 WHERE due_at IS NULL AND node_id IN (SELECT node_id FROM lost)
        """)

    public func endedOfLostNodes(dueAt: Timestamp) async throws(StoreError) -> Int { try await change(Self.endLost(.timestamp(dueAt))) }

    @discardableResult
    private func change(_ call: PostgresCall) async throws(StoreError) -> Int {
        try await database.run { connection throws(PostgresFailure) in try connection.write(call).changed }
    }

    // MARK: Looking again

    private static let lease = PostgresStatement(
        "attendance.lease",
        """
        WITH due AS (
            SELECT user_id, node_id, due_at FROM attendances WHERE due_at <= $1 ORDER BY due_at LIMIT $2 FOR UPDATE SKIP LOCKED
        )
        UPDATE attendances AS a SET due_at = $3 FROM due WHERE a.user_id = due.user_id AND a.node_id = due.node_id
        RETURNING a.user_id, a.node_id, a.since, a.seen_until, due.due_at
        """)

    public func leaseLooks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [SecondLook] {
        let end = now.advanced(bySeconds: seconds)
        let leased = try await database.run { connection throws(PostgresFailure) in
            let rows = try connection.write(Self.lease(.timestamp(now), .int64(Int64(limit)), .timestamp(end)))
            return try rows.map { row throws(PostgresFailure) in
                guard let node = NodeID(try row.text(1)) else { throw .damaged("node_id is not ten hex digits") }
                let look = SecondLook(
                    userID: try row.id(0), node: node, since: try row.timestamp(2), seenUntil: try row.optionalTimestamp(3),
                    leasedUntil: end)
                return (look: look, dueAt: try row.timestamp(4))
            }
        }
        return leased.sorted { $0.dueAt < $1.dueAt }.map(\.look)
    }

    private static let finish = PostgresStatement(
        "attendance.finish",
        """
        WITH looks AS (
            SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::int8[])
                AS look (user_id, node_id, since, leased_until, is_carried)
        ), gone AS (
            DELETE FROM attendances AS a USING looks
            WHERE a.user_id = looks.user_id AND a.node_id = looks.node_id AND a.due_at = looks.leased_until
            RETURNING looks.user_id, looks.since, looks.is_carried
        )
        UPDATE attendances AS a SET since = least(a.since, gone.since) FROM gone
        WHERE gone.is_carried = 1 AND a.user_id = gone.user_id AND a.due_at IS NULL
        """)

    public func finishLooks(_ results: [(SecondLook, SecondLookResult)]) async throws(StoreError) {
        guard !results.isEmpty else { return }
        let looks = results.map(\.0)
        try await change(
            Self.finish(
                .ids(looks.map(\.userID)), .texts(looks.map(\.node.description)), .timestamps(looks.map(\.since)),
                .timestamps(looks.map(\.leasedUntil)), .int64s(results.map { $0.1 == .attendedElsewhere ? 1 : 0 })))
    }

    private static let findUnread = PostgresStatement(
        "attendance.unread",
        """
        SELECT p.user_id, p.conversation_id, p.last_read_sequence, greatest(p.last_read_sequence, p.last_delivered_sequence)
        FROM unnest($1::uuid[], $2::timestamptz[]) AS look (user_id, since)
        JOIN participants AS p ON p.user_id = look.user_id JOIN conversations AS c ON c.conversation_id = p.conversation_id
        WHERE c.last_message_at >= look.since AND (c.last_sequence - p.last_read_sequence) - (p.own_sent - p.own_read) > 0
        """)

    public func unread(in looks: [SecondLook]) async throws(StoreError) -> [UnreadConversation] {
        guard !looks.isEmpty else { return [] }
        return try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.findUnread(.ids(looks.map(\.userID)), .timestamps(looks.map(\.since)))).map {
                row throws(PostgresFailure) in
                UnreadConversation(
                    userID: try row.id(0), conversationID: try row.id(1), lastReadSequence: try row.int64(2),
                    lastDeliveredSequence: try row.int64(3))
            }
        }
    }
}
