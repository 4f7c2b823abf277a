import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Conversations, participants and read markers in SQLite.
public struct SQLiteConversationStore: ConversationStore {
    let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    // MARK: Creating

    public func direct(between creator: UserID, and other: UserID, id: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (conversationID: ConversationID, created: Bool)
    {
        let (first, second) = creator < other ? (creator, other) : (other, creator)
        return try await database.write { db in
            // The unique index on the pair, and one writer at a time, make this one step.
            let existing = try Row.fetchOne(
                db, sql: "SELECT id FROM conversations WHERE user1_id = ? AND user2_id = ?", arguments: [first.blob, second.blob])
            if let existing { return (try existing.id(at: 0), false) }
            try Self.insertConversation(id, type: .direct, title: nil, creator: creator, pair: (first, second), count: 2, at: now, db)
            let ref = db.lastInsertedRowID
            try Self.insertParticipant(creator, .member, in: ref, lastRead: 0, at: now, db)
            try Self.insertParticipant(other, .member, in: ref, lastRead: 0, at: now, db)
            return (id, true)
        }
    }

    public func createGroup(id: ConversationID, title: String?, creator: UserID, others: [UserID], at now: Timestamp)
        async throws(StoreError)
    {
        try await database.write { db in
            let members = Set(others).subtracting([creator])
            try Self.insertConversation(id, type: .group, title: title, creator: creator, pair: nil, count: members.count + 1, at: now, db)
            let ref = db.lastInsertedRowID
            try Self.insertParticipant(creator, .owner, in: ref, lastRead: 0, at: now, db)
            for member in members { try Self.insertParticipant(member, .member, in: ref, lastRead: 0, at: now, db) }
        }
    }

    private static func insertConversation(
        _ id: ConversationID, type: ConversationType, title: String?, creator: UserID, pair: (UserID, UserID)?, count: Int,
        at now: Timestamp,
        _ db: Database
    ) throws {
        try db.execute(
            sql: """
                INSERT INTO conversations
                (id, type, title, created_by, created_at, changed_at, created_position, user1_id, user2_id, participant_count, activity)
                SELECT ?, ?, ?, ?, ?, ?, newest, ?, ?, ?, newest FROM (SELECT ifnull(max(position), 0) AS newest FROM messages)
                """,
            arguments: [
                id.blob, type.rawValue, title, creator.blob, now.milliseconds, now.milliseconds, pair?.0.blob, pair?.1.blob, count,
            ])
    }

    static func insertParticipant(_ user: UserID, _ role: Role, in ref: Int64, lastRead: Int64, at now: Timestamp, _ db: Database) throws {
        try db.cachedStatement(
            sql: """
                INSERT INTO participants (conversation_ref, user_id, role, joined_at, changed_at, last_read_sequence) VALUES (?, ?, ?, ?, ?, ?)
                """
        ).execute(arguments: [ref, user.blob, role.rawValue, now.milliseconds, now.milliseconds, lastRead])
    }

    // MARK: Reading

    public func view(of conversation: ConversationID, for user: UserID) async throws(StoreError) -> ConversationView? {
        try await database.read { db in
            try Row.fetchOne(Self.viewStatement(db), arguments: [conversation.blob, user.blob]).map { try ConversationRow.view($0) }
        }
    }

    public func views(of conversations: [ConversationID], for user: UserID) async throws(StoreError) -> [ConversationView] {
        try await database.read { db in
            let statement = try Self.viewStatement(db)
            return try conversations.compactMap { id in
                try Row.fetchOne(statement, arguments: [id.blob, user.blob]).map { try ConversationRow.view($0) }
            }
        }
    }

    private static func viewStatement(_ db: Database) throws -> Statement {
        try db.cachedStatement(
            sql: """
                SELECT \(ConversationRow.columns) FROM conversations JOIN participants ON conversation_ref = ref
                WHERE id = ? AND user_id = ?
                """)
    }

    public func exists(_ conversation: ConversationID) async throws(StoreError) -> Bool {
        try await database.read { db in try Self.ref(of: conversation, db) != nil }
    }

    public func role(of user: UserID, in conversation: ConversationID) async throws(StoreError) -> Role? {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT role FROM participants WHERE conversation_ref = (SELECT ref FROM conversations WHERE id = ?) AND user_id = ?")
            return try String.fetchOne(statement, arguments: [conversation.blob, user.blob]).flatMap(Role.init)
        }
    }

    public func conversationIDs(of user: UserID) async throws(StoreError) -> [ConversationID] {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT id FROM participants JOIN conversations ON ref = conversation_ref WHERE user_id = ?")
            return try Row.fetchAll(statement, arguments: [user.blob]).map { try $0.id(at: 0) }
        }
    }

    public func shareConversation(_ one: UserID, _ other: UserID) async throws(StoreError) -> Bool {
        try await !sharing(with: one, among: [other]).isEmpty
    }

    public func sharing(with user: UserID, among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM participants AS mine
                        JOIN participants AS theirs ON theirs.conversation_ref = mine.conversation_ref AND theirs.user_id = ?
                        WHERE mine.user_id = ?
                    )
                    """)
            return Set(try users.filter { try Bool.fetchOne(statement, arguments: [$0.blob, user.blob]) ?? false })
        }
    }

    static func ref(of conversation: ConversationID, _ db: Database) throws -> Int64? {
        try Int64.fetchOne(db.cachedStatement(sql: "SELECT ref FROM conversations WHERE id = ?"), arguments: [conversation.blob])
    }

    public func rename(_ conversation: ConversationID, to title: String?, at now: Timestamp) async throws(StoreError)
        -> ConversationStamp?
    {
        try await database.write { db in
            try db.execute(
                sql: "UPDATE conversations SET title = ? WHERE id = ? AND type = 'group'", arguments: [title, conversation.blob])
            guard db.changesCount == 1, let ref = try Self.ref(of: conversation, db) else { return nil }
            return try Self.countChange(of: ref, at: now, db)
        }
    }

    /// Gives a change of title or participants its version, in the transaction that makes the change.
    static func countChange(of ref: Int64, at now: Timestamp, _ db: Database) throws -> ConversationStamp {
        let statement = try db.cachedStatement(
            sql: """
                UPDATE conversations SET version = version + 1, changed_at = max(changed_at, ?) WHERE ref = ?
                RETURNING version, title, participant_count
                """)
        guard let row = try Row.fetchOne(statement, arguments: [now.milliseconds, ref]) else {
            throw StoreError.unexpected("a conversation went away in the transaction that changed it")
        }
        return ConversationStamp(version: row[0], title: row[1], participantCount: row[2])
    }

    /// Appending applies the metadata in its own transaction.
    public func apply(_ update: MetadataUpdate) async throws(StoreError) -> ApplyOutcome {
        let applied = try await database.read { db in
            try Int64.fetchOne(db, sql: "SELECT last_sequence FROM conversations WHERE id = ?", arguments: [update.conversationID.blob])
        }
        guard let applied, applied >= update.last else { return .tooEarly(appliedSequence: applied ?? 0) }
        return .already
    }
}

/// A conversation joined with one participant's row, in the order of ``columns``.
enum ConversationRow {
    static let columns = """
        id, type, title, created_by, created_at, user1_id, user2_id, participant_count, last_sequence, last_message_id, \
        last_message_at, last_message_preview, role, muted, muted_until, last_read_sequence, own_sent, own_read, ref, activity, version, \
        notification_level
        """
    static let refColumn = 18
    static let activityColumn = 19
    static let columnCount = 22

    static func view(_ row: Row) throws -> ConversationView {
        guard let type = ConversationType(rawValue: row[1]), let role = Role(rawValue: row[12]) else { throw DamagedRow(column: "type") }
        let lastSequence: Int64 = row[8]
        let conversation = Conversation(
            id: try row.id(at: 0), type: type, title: row[2], createdBy: try row.id(at: 3), createdAt: row.timestamp(at: 4),
            directUserIDs: type == .direct ? [try row.id(at: 5), try row.id(at: 6)] : [], participantCount: row[7],
            lastMessage: try lastMessage(row), lastSequence: lastSequence, version: row[20])
        return ConversationView(
            conversation: conversation, role: role, mute: mute(row, at: 13), notificationLevel: try level(row, at: 21),
            readState: readState(lastSequence: lastSequence, lastRead: row[15], ownSent: row[16], ownRead: row[17]))
    }

    private static func lastMessage(_ row: Row) throws -> LastMessage? {
        guard let preview = row[11] as String? else { return nil }
        return LastMessage(id: try row.messageID(at: 9), at: row.timestamp(at: 10), preview: preview)
    }

    /// `muted` and the column after it.
    static func mute(_ row: Row, at column: Int) -> Mute {
        guard row[column] as Bool else { return .off }
        return (row[column + 1] as Int64?).map { .until(Timestamp(milliseconds: $0)) } ?? .forever
    }

    static func level(_ row: Row, at column: Int) throws -> NotificationLevel {
        guard let level = NotificationLevel(rawValue: row[column]) else { throw DamagedRow(column: "notification_level") }
        return level
    }

    /// What others sent after the marker: all messages after it less the participant's own.
    static func readState(lastSequence: Int64, lastRead: Int64, ownSent: Int64, ownRead: Int64) -> ReadState {
        ReadState(
            lastReadSequence: lastRead, unreadCount: lastSequence - lastRead - (ownSent - ownRead), lastSequence: lastSequence)
    }
}
