public import ParleyCore
public import ParleyModel

/// Who is in a conversation, and a participant's own state.
extension PostgresConversationStore {
    static let participantColumns = """
        user_id, role, joined_at, last_read_sequence, greatest(last_read_sequence, last_delivered_sequence)
        """

    static func participant(_ row: PostgresRow) throws(PostgresFailure) -> Participant {
        Participant(
            userID: try row.id(0), role: try ConversationRow.role(row, at: 1), joinedAt: try row.timestamp(2),
            lastReadSequence: try row.int64(3), lastDeliveredSequence: try row.int64(4))
    }

    private static let participantPage = PostgresStatement(
        "participants.page",
        """
        SELECT \(participantColumns) FROM participants
        WHERE conversation_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3
        """)
    private static let firstPage = PostgresStatement(
        "participants.first-page",
        "SELECT \(participantColumns) FROM participants WHERE conversation_id = $1 ORDER BY user_id LIMIT $2")

    public func participants(of conversation: ConversationID, limit: Int, cursor: String?) async throws(StoreError)
        -> (participants: [Participant], nextCursor: String?)
    {
        let after = try cursor.map { text throws(StoreError) in
            guard let user = UserID(text) else { throw .invalidCursor }
            return user
        }
        return try await database.run { connection throws(PostgresFailure) in
            let limit = Int64(limit)
            let call =
                after.map { Self.participantPage(.id(conversation), .id($0), .int64(limit + 1)) }
                ?? Self.firstPage(.id(conversation), .int64(limit + 1))
            let found = try connection.read(call).map(Self.participant)
            let page = Array(found.prefix(Int(limit)))
            return (page, found.count > limit ? page.last?.userID.description : nil)
        }
    }

    private static let idPage = PostgresStatement(
        "participants.ids", "SELECT user_id FROM participants WHERE conversation_id = $1 AND user_id > $2 ORDER BY user_id LIMIT $3")
    private static let firstIDs = PostgresStatement(
        "participants.first-ids", "SELECT user_id FROM participants WHERE conversation_id = $1 ORDER BY user_id LIMIT $2")

    public func participantIDs(of conversation: ConversationID, after user: UserID?, limit: Int) async throws(StoreError) -> [UserID] {
        try await database.run { connection throws(PostgresFailure) in
            let limit = PostgresValue.int64(Int64(limit))
            let call = user.map { Self.idPage(.id(conversation), .id($0), limit) } ?? Self.firstIDs(.id(conversation), limit)
            return try connection.read(call).map { row throws(PostgresFailure) in try row.id(0) }
        }
    }

    private static let firstIDsOfMany = PostgresStatement(
        "participants.first-ids-of-many",
        """
        SELECT c.conversation_id, p.user_id FROM unnest($1::uuid[]) AS c (conversation_id) CROSS JOIN LATERAL (
            SELECT user_id FROM participants WHERE conversation_id = c.conversation_id ORDER BY user_id LIMIT $2
        ) AS p
        """)

    public func participantIDs(of conversations: [ConversationID], limit: Int) async throws(StoreError) -> [ConversationID: [UserID]] {
        let found = try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.firstIDsOfMany(.ids(conversations), .int64(Int64(limit)))).map { row throws(PostgresFailure) in
                (try row.id(0, as: ConversationID.self), try row.id(1, as: UserID.self))
            }
        }
        // Nothing promises the order of the inner rows to the outer query.
        return Dictionary(grouping: found, by: \.0).mapValues { $0.map(\.1).sorted() }
    }

    private static let findRole = PostgresStatement(
        "participant.role",
        """
        SELECT p.role, c.last_sequence FROM participants AS p JOIN conversations AS c USING (conversation_id)
        WHERE conversation_id = $1 AND p.user_id = $2
        """)

    public func role(of user: UserID, in conversation: ConversationID) async throws(StoreError) -> Role? {
        try await database.run { [seen] connection throws(PostgresFailure) in
            guard let row = try connection.read(Self.findRole(.id(conversation), .id(user))).first else { return nil }
            seen(conversation, try row.int64(1))
            return try ConversationRow.role(row, at: 0)
        }
    }

    private static let mute = PostgresStatement(
        "participant.mute",
        "UPDATE participants SET muted = $3, muted_until = $4, changed_at = $5 WHERE conversation_id = $1 AND user_id = $2")

    public func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID, at now: Timestamp) async throws(StoreError) -> Bool
    {
        var until: Timestamp?
        if case .until(let end) = mute { until = end }
        return try await database.run { [until] connection throws(PostgresFailure) in
            let call = Self.mute(.id(conversation), .id(user), .bool(mute != .off), .timestamp(until), .timestamp(now))
            return try connection.write(call).changed == 1
        }
    }

    private static let setLevel = PostgresStatement(
        "participant.level",
        "UPDATE participants SET notification_level = $3, changed_at = $4 WHERE conversation_id = $1 AND user_id = $2")

    public func setNotificationLevel(_ level: NotificationLevel, for user: UserID, in conversation: ConversationID, at now: Timestamp)
        async throws(StoreError) -> Bool
    {
        try await database.run { connection throws(PostgresFailure) in
            try connection.write(Self.setLevel(.id(conversation), .id(user), .text(level.rawValue), .timestamp(now))).changed == 1
        }
    }

    /// Pairs are looked up one by one, which the limit leaves no other way for. Written as a range of users the primary key serves it,
    /// where a conversation's entries stand together; written as an equality the planner takes the other index, where they do not.
    private static let findStandings = PostgresStatement(
        "participants.push-standings",
        """
        SELECT p.conversation_id, p.user_id, p.last_read_sequence, p.muted, p.muted_until, p.notification_level, c.last_sequence,
            p.own_sent, p.own_read
        FROM unnest($1::uuid[], $2::uuid[]) AS asked (conversation_id, user_id) CROSS JOIN LATERAL (
            SELECT * FROM participants
            WHERE conversation_id = asked.conversation_id AND user_id >= asked.user_id AND user_id <= asked.user_id LIMIT 1
        ) AS p JOIN conversations AS c ON c.conversation_id = p.conversation_id
        """)

    public func pushStandings(
        of users: [ConversationID: [UserID]]
    ) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]] {
        let asked = users.flatMap { conversation, users in users.map { (conversation, $0) } }
        return try await database.run { connection throws(PostgresFailure) in
            let rows = try connection.read(Self.findStandings(.ids(asked.map(\.0)), .ids(asked.map(\.1))))
            var standings: [ConversationID: [UserID: PushStanding]] = [:]
            for number in 0..<rows.count {
                let row = rows[number]
                let state = ConversationRow.readState(
                    lastSequence: try row.int64(6), lastRead: try row.int64(2), ownSent: try row.int64(7), ownRead: try row.int64(8))
                standings[try row.id(0), default: [:]][try row.id(1)] = PushStanding(
                    lastReadSequence: state.lastReadSequence, mute: try ConversationRow.mute(row, at: 3),
                    level: try ConversationRow.level(row, at: 5), unreadCount: state.unreadCount)
            }
            return standings
        }
    }
}
