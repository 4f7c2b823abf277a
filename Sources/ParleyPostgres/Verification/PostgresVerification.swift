public import ParleyCore
public import ParleyModel

/// Conversations and participants for ``ParleyCore/ClusterVerifier``.
public struct PostgresVerification: VerifiableConversations {
    /// Conversations on a page.
    static let maxConversations: Int64 = 500
    /// Participants on a page, unless one conversation alone has more.
    static let maxParticipants: Int64 = 20_000

    private let database: PostgresDatabase

    /// Over a database that is migrated.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    /// One statement, and so one moment.
    private static func page(_ name: String, _ condition: String) -> PostgresStatement {
        PostgresStatement(
            name,
            """
            WITH counted AS (
                SELECT conversation_id, sum(participant_count) OVER (ORDER BY conversation_id) AS total,
                    row_number() OVER (ORDER BY conversation_id) AS place
                FROM (
                    SELECT conversation_id, participant_count FROM conversations \(condition) ORDER BY conversation_id LIMIT $1
                ) AS next
            ), page AS (
                SELECT conversation_id FROM counted WHERE place = 1 OR total <= $2
            )
            SELECT c.conversation_id, c.last_sequence, c.last_message_id, c.last_message_at, c.last_message_preview, c.participant_count,
                c.type = 'direct', c.user1_id, c.unread_count_user1::int8, c.user2_id, c.unread_count_user2::int8, s.sequence_number,
                p.user_id, p.last_read_sequence, p.own_sent, p.own_read
            FROM page JOIN conversations AS c USING (conversation_id) LEFT JOIN conversation_sequences AS s USING (conversation_id)
                LEFT JOIN participants AS p USING (conversation_id)
            ORDER BY c.conversation_id
            """)
    }

    private static let firstPage = page("verify.first-page", "")
    private static let nextPage = page("verify.page", "WHERE conversation_id > $3")

    public func page(after id: ConversationID?) async throws(StoreError) -> [ConversationFacts] {
        let limits = [PostgresValue.int64(Self.maxConversations), .int64(Self.maxParticipants)]
        return try await database.run { connection throws(PostgresFailure) in
            let call =
                id.map { PostgresCall(statement: Self.nextPage, parameters: limits + [.id($0)]) }
                ?? PostgresCall(statement: Self.firstPage, parameters: limits)
            return try Self.facts(try connection.read(call))
        }
    }

    private static func facts(_ rows: PostgresRows) throws(PostgresFailure) -> [ConversationFacts] {
        var page: [ConversationFacts] = []
        var start = 0
        while start < rows.count {
            let id: ConversationID = try rows[start].id(0)
            var participants: [ParticipantFacts] = []
            var end = start
            while end < rows.count, try rows[end].id(0, as: ConversationID.self) == id {
                if !rows[end].isNull(12) { participants.append(try participant(rows[end])) }
                end += 1
            }
            page.append(try conversation(rows[start], id, participants))
            start = end
        }
        return page
    }

    private static func participant(_ row: PostgresRow) throws(PostgresFailure) -> ParticipantFacts {
        ParticipantFacts(
            userID: try row.id(12), lastReadSequence: try row.int64(13), ownSent: try row.int64(14), ownRead: try row.int64(15))
    }

    private static func conversation(
        _ row: PostgresRow, _ id: ConversationID, _ participants: [ParticipantFacts]
    ) throws(PostgresFailure) -> ConversationFacts {
        var last: LastMessage?
        if let text = try row.optionalText(2) {
            // An id that is none is not that of any message.
            last = LastMessage(
                id: MessageID(text) ?? MessageID(high: 0, low: 0), at: try row.optionalTimestamp(3) ?? Timestamp(milliseconds: 0),
                preview: try row.optionalText(4) ?? "")
        }
        var facts = ConversationFacts(
            id: id, lastSequence: try row.int64(1), lastMessage: last, participantCount: try row.int64(5), participants: participants)
        facts.numberGivenOut = try row.optionalInt64(11).map { .number($0) } ?? .missing
        if try row.bool(6) {
            facts.counters = [
                UserCounter(name: "unread_count_user1", userID: try row.id(7), unreadCount: try row.int64(8)),
                UserCounter(name: "unread_count_user2", userID: try row.id(9), unreadCount: try row.int64(10)),
            ]
        }
        return facts
    }

    private static let findApplied = PostgresStatement(
        "verify.applied", "SELECT conversation_id, last_sequence FROM conversations WHERE conversation_id = ANY ($1)")

    public func appliedSequences(of ids: [ConversationID]) async throws(StoreError) -> [ConversationID: Int64] {
        if ids.isEmpty { return [:] }
        return try await database.run { connection throws(PostgresFailure) in
            let rows = try connection.read(Self.findApplied(.ids(ids)))
            var applied: [ConversationID: Int64] = [:]
            for row in 0..<rows.count { applied[try rows[row].id(0)] = try rows[row].int64(1) }
            return applied
        }
    }

    private static let pageApplied = PostgresStatement(
        "verify.page-applied",
        "SELECT conversation_id, last_sequence FROM conversations WHERE conversation_id > $1 ORDER BY conversation_id LIMIT $2")

    public func appliedSequences(after id: ConversationID?, limit: Int) async throws(StoreError) -> [(id: ConversationID, last: Int64)] {
        // No id is nothing but zeros: it would not be of any version.
        let start = id ?? ConversationID(high: 0, low: 0)
        return try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.pageApplied(.id(start), .int64(Int64(limit)))).map { row throws(PostgresFailure) in
                (try row.id(0), try row.int64(1))
            }
        }
    }
}
