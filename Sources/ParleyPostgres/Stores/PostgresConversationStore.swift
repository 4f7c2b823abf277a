public import ParleyCore
public import ParleyModel

/// Conversations, participants and read markers in PostgreSQL; the messages are kept elsewhere.
///
/// Whatever locks more than one row locks conversations first, by id, and participants after them, so that nobody waits
/// for each other in a circle. What raises a conversation's number locks that one's row before the conversation.
public struct PostgresConversationStore: ConversationStore {
    let database: PostgresDatabase
    let facts: any MessageFacts
    let marks: PostgresMarks
    let seen: @Sendable (ConversationID, Int64) -> Void

    /// - Parameters:
    ///   - facts: What must be asked of the messages: a user's own ones between two numbers, and numbers at a time that lies
    ///     further back than a conversation's row remembers.
    ///   - marks: How marks are made.
    ///   - seen: Told, whenever a role is read, that the conversation exists and which number's metadata was applied last in it:
    ///     who is about to write there needs both next, and reading them along costs no further question.
    public init(
        _ database: PostgresDatabase, facts: any MessageFacts, marks: PostgresMarks = .init(),
        seen: @escaping @Sendable (_ conversation: ConversationID, _ lastSequence: Int64) -> Void = { _, _ in }
    ) {
        self.database = database
        self.facts = facts
        self.marks = marks
        self.seen = seen
    }

    // MARK: Creating

    /// The moment, in microseconds since 1970, when the statement comes to it.
    static let clock = "(extract(epoch FROM clock_timestamp()) * 1000000)::int8"

    private static let findDirect = PostgresStatement(
        "direct.find",
        """
        SELECT conversation_id FROM conversations
        WHERE type = 'direct' AND least(user1_id, user2_id) = least($1, $2) AND greatest(user1_id, user2_id) = greatest($1, $2)
        """)

    /// The unique index on the pair makes this one step for all who ask at once: they wait for the first one's commit, and
    /// then make nothing.
    private static let makeDirect = PostgresStatement(
        "direct.make",
        """
        WITH made AS (
            INSERT INTO conversations (
                conversation_id, type, created_by, created_at, changed_at, user1_id, user2_id, participant_count, created_activity, activity
            )
            SELECT $1, 'direct', $2, $3, $3, least($2, $4), greatest($2, $4), 2, activity, activity FROM (SELECT \(clock) AS activity) AS now
            ON CONFLICT (least(user1_id, user2_id), greatest(user1_id, user2_id)) WHERE type = 'direct' DO NOTHING
            RETURNING conversation_id
        ), numbered AS (
            INSERT INTO conversation_sequences (conversation_id) SELECT conversation_id FROM made
        ), joined AS (
            INSERT INTO participants (conversation_id, user_id, role, joined_at, changed_at, last_read_sequence)
            SELECT conversation_id, user_id, 'member', $3, $3, 0 FROM made, unnest(ARRAY[$2, $4]) AS user_id
        )
        SELECT conversation_id FROM made
        """)

    public func direct(between creator: UserID, and other: UserID, id: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (conversationID: ConversationID, created: Bool)
    {
        try await database.run { connection throws(PostgresFailure) in
            let find = Self.findDirect(.id(creator), .id(other))
            if let row = try connection.read(find).first { return (try row.id(0), false) }
            let made = try connection.write(Self.makeDirect(.id(id), .id(creator), .timestamp(now), .id(other)))
            if made.count == 1 { return (id, true) }
            guard let row = try connection.read(find).first else { throw .damaged("a direct conversation is there and is not") }
            return (try row.id(0), false)
        }
    }

    private static let makeGroup = PostgresStatement(
        "group.make",
        """
        WITH made AS (
            INSERT INTO conversations (
                conversation_id, type, title, created_by, created_at, changed_at, participant_count, created_activity, activity
            )
            SELECT $1, 'group', $2, $3, $4, $4, cardinality($5::uuid[]) + 1, activity, activity FROM (SELECT \(clock) AS activity) AS now
            RETURNING conversation_id
        ), numbered AS (
            INSERT INTO conversation_sequences (conversation_id) SELECT conversation_id FROM made
        )
        INSERT INTO participants (conversation_id, user_id, role, joined_at, changed_at, last_read_sequence)
        SELECT conversation_id, user_id, CASE user_id WHEN $3 THEN 'owner' ELSE 'member' END, $4, $4, 0
        FROM made, unnest($5 || $3) AS user_id
        """)

    public func createGroup(id: ConversationID, title: String?, creator: UserID, others: [UserID], at now: Timestamp)
        async throws(StoreError)
    {
        let members = Array(Set(others).subtracting([creator]))
        _ = try await database.run { connection throws(PostgresFailure) in
            try connection.write(Self.makeGroup(.id(id), .text(title), .id(creator), .timestamp(now), .ids(members))).count
        }
    }

    // MARK: Reading

    private static let findViews = PostgresStatement(
        "conversation.views",
        """
        SELECT \(ConversationRow.columns) FROM conversations AS c JOIN participants AS p USING (conversation_id)
        WHERE p.conversation_id = ANY ($1) AND p.user_id = $2
        """)

    public func view(of conversation: ConversationID, for user: UserID) async throws(StoreError) -> ConversationView? {
        try await views(of: [conversation], for: user).first
    }

    public func views(of conversations: [ConversationID], for user: UserID) async throws(StoreError) -> [ConversationView] {
        guard !conversations.isEmpty else { return [] }
        return try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.findViews(.ids(conversations), .id(user))).map(ConversationRow.view)
        }
    }

    private static let find = PostgresStatement(
        "conversation.find", "SELECT participant_count FROM conversations WHERE conversation_id = $1")

    public func exists(_ conversation: ConversationID) async throws(StoreError) -> Bool {
        try await participantCount(of: conversation) != nil
    }

    public func participantCount(of conversation: ConversationID) async throws(StoreError) -> Int64? {
        try await database.run { connection throws(PostgresFailure) in
            guard let row = try connection.read(Self.find(.id(conversation))).first else { return nil }
            return try row.int64(0)
        }
    }

    private static let findOfUser = PostgresStatement(
        "conversation.of-user", "SELECT conversation_id FROM participants WHERE user_id = $1")

    public func conversationIDs(of user: UserID) async throws(StoreError) -> [ConversationID] {
        try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.findOfUser(.id(user))).map { row throws(PostgresFailure) in try row.id(0) }
        }
    }

    private static let findSharing = PostgresStatement(
        "conversation.sharing",
        """
        SELECT asked.user_id FROM unnest($2::uuid[]) AS asked (user_id) WHERE EXISTS (
            SELECT 1 FROM participants AS mine JOIN participants AS theirs USING (conversation_id)
            WHERE mine.user_id = $1 AND theirs.user_id = asked.user_id
        )
        """)

    public func shareConversation(_ one: UserID, _ other: UserID) async throws(StoreError) -> Bool {
        try await !sharing(with: one, among: [other]).isEmpty
    }

    public func sharing(with user: UserID, among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        guard !users.isEmpty else { return [] }
        return Set(
            try await database.run { connection throws(PostgresFailure) in
                try connection.read(Self.findSharing(.id(user), .ids(users))).map { row throws(PostgresFailure) in try row.id(0) }
            })
    }

    // MARK: Titles

    private static let rename = PostgresStatement(
        "conversation.rename",
        """
        UPDATE conversations SET title = $2, version = version + 1, changed_at = greatest(changed_at, $3)
        WHERE conversation_id = $1 AND type = 'group' RETURNING version, title, participant_count
        """)

    public func rename(_ conversation: ConversationID, to title: String?, at now: Timestamp) async throws(StoreError)
        -> ConversationStamp?
    {
        try await database.run { connection throws(PostgresFailure) in
            let rows = try connection.write(Self.rename(.id(conversation), .text(title), .timestamp(now)))
            guard let row = rows.first else { return nil }
            return try Self.stamp(row)
        }
    }

    /// Of a row that begins with version, title and number of participants.
    static func stamp(_ row: PostgresRow) throws(PostgresFailure) -> ConversationStamp {
        ConversationStamp(version: try row.int64(0), title: try row.optionalText(1), participantCount: try row.int64(2))
    }
}
