import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Participants: roles, coming and going, mutes and read markers.
extension SQLiteConversationStore {
    public func participants(of conversation: ConversationID, limit: Int, cursor: String?) async throws(StoreError)
        -> (participants: [Participant], nextCursor: String?)
    {
        var after = Data()
        if let cursor {
            guard let user = UserID(cursor) else { throw .invalidCursor }
            after = user.blob
        }
        return try await database.read { [after] db in
            guard let ref = try Self.ref(of: conversation, db) else { return ([], nil) }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(Self.participantColumns) FROM participants
                    WHERE conversation_ref = ? AND user_id > ? ORDER BY user_id LIMIT ?
                    """)
            let found = try Row.fetchAll(statement, arguments: [ref, after, limit + 1]).map(Self.participant)
            let page = Array(found.prefix(limit))
            return (page, found.count > limit ? page.last?.userID.description : nil)
        }
    }

    private static let participantColumns = """
        user_id, role, joined_at, last_read_sequence, max(last_read_sequence, last_delivered_sequence)
        """

    private static func participant(_ row: Row) throws -> Participant {
        guard let role = Role(rawValue: row[1]) else { throw DamagedRow(column: "role") }
        return Participant(
            userID: try row.id(at: 0), role: role, joinedAt: row.timestamp(at: 2), lastReadSequence: row[3],
            lastDeliveredSequence: row[4])
    }

    public func participantCount(of conversation: ConversationID) async throws(StoreError) -> Int64? {
        try await database.read { db in
            let statement = try db.cachedStatement(sql: "SELECT participant_count FROM conversations WHERE id = ?")
            return try Int64.fetchOne(statement, arguments: [conversation.blob])
        }
    }

    public func participantIDs(of conversation: ConversationID, after user: UserID?, limit: Int) async throws(StoreError) -> [UserID] {
        try await database.read { db in
            guard let ref = try Self.ref(of: conversation, db) else { return [] }
            let statement = try db.cachedStatement(
                sql: "SELECT user_id FROM participants WHERE conversation_ref = ? AND user_id > ? ORDER BY user_id LIMIT ?")
            var ids: [UserID] = []
            let rows = try Row.fetchCursor(statement, arguments: [ref, user?.blob ?? Data(), limit])
            while let row = try rows.next() { ids.append(try row.id(at: 0)) }
            return ids
        }
    }

    // MARK: Roles

    public func setRole(of user: UserID, in conversation: ConversationID, to role: Role, maxParticipants: Int, at now: Timestamp)
        async throws(StoreError) -> (change: RoleChange, stamp: ConversationStamp?)
    {
        try await database.write { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT ref, last_sequence, participant_count FROM conversations WHERE id = ?", arguments: [conversation.blob])
            guard let row else { return (.noConversation, nil) }
            let ref: Int64 = row[0]
            guard let current = try Self.participant(user, in: ref, db) else {
                guard (row[2] as Int) < maxParticipants else { return (.full, nil) }
                let added = try Self.add(user, role, to: ref, lastRead: row[1], at: now, db)
                return (.added(added), try Self.countChange(of: ref, at: now, db))
            }
            if current.role == .owner, role != .owner, try Self.owners(in: ref, db) == 1 { return (.lastOwner, nil) }
            try db.execute(
                sql: "UPDATE participants SET role = ? WHERE conversation_ref = ? AND user_id = ?",
                arguments: [role.rawValue, ref, user.blob])
            let changed = Participant(
                userID: user, role: role, joinedAt: current.joinedAt, lastReadSequence: current.lastReadSequence,
                lastDeliveredSequence: current.lastDeliveredSequence)
            return (.changed(changed), try Self.countChange(of: ref, at: now, db))
        }
    }

    private static func add(_ user: UserID, _ role: Role, to ref: Int64, lastRead: Int64, at now: Timestamp, _ db: Database) throws
        -> Participant
    {
        try insertParticipant(user, role, in: ref, lastRead: lastRead, at: now, db)
        try db.execute(sql: "DELETE FROM departures WHERE user_id = ? AND conversation_ref = ?", arguments: [user.blob, ref])
        try db.execute(sql: "UPDATE conversations SET participant_count = participant_count + 1 WHERE ref = ?", arguments: [ref])
        return Participant(userID: user, role: role, joinedAt: now, lastReadSequence: lastRead, lastDeliveredSequence: lastRead)
    }

    private static func participant(_ user: UserID, in ref: Int64, _ db: Database) throws -> Participant? {
        try Row.fetchOne(
            db, sql: "SELECT \(participantColumns) FROM participants WHERE conversation_ref = ? AND user_id = ?",
            arguments: [ref, user.blob]
        ).map(participant)
    }

    private static func owners(in ref: Int64, _ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM participants WHERE conversation_ref = ? AND role = 'owner'", arguments: [ref]) ?? 0
    }

    public func remove(_ user: UserID, from conversation: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (removal: Removal, stamp: ConversationStamp?)
    {
        try await database.write { db in
            guard let ref = try Self.ref(of: conversation, db), let current = try Self.participant(user, in: ref, db) else {
                return (.notAParticipant, nil)
            }
            let count = try Int.fetchOne(db, sql: "SELECT participant_count FROM conversations WHERE ref = ?", arguments: [ref]) ?? 0
            if current.role == .owner, count > 1, try Self.owners(in: ref, db) == 1 { return (.lastOwner, nil) }
            try db.execute(sql: "DELETE FROM participants WHERE conversation_ref = ? AND user_id = ?", arguments: [ref, user.blob])
            try db.execute(sql: "UPDATE conversations SET participant_count = participant_count - 1 WHERE ref = ?", arguments: [ref])
            try db.execute(
                sql: "INSERT OR REPLACE INTO departures (user_id, conversation_ref, left_at) VALUES (?, ?, ?)",
                arguments: [user.blob, ref, now.milliseconds])
            try TakeBackRows.noteRead(by: user, in: ref, at: now, db)
            return (.removed, try Self.countChange(of: ref, at: now, db))
        }
    }

    // MARK: A participant's own state

    public func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID, at now: Timestamp) async throws(StoreError) -> Bool
    {
        var until: Int64?
        if case .until(let end) = mute { until = end.milliseconds }
        return try await database.write { [until] db in
            try db.execute(
                sql: """
                    UPDATE participants SET muted = ?, muted_until = ?, changed_at = ?
                    WHERE conversation_ref = (SELECT ref FROM conversations WHERE id = ?) AND user_id = ?
                    """, arguments: [mute != .off, until, now.milliseconds, conversation.blob, user.blob])
            return db.changesCount == 1
        }
    }

    public func setNotificationLevel(
        _ level: NotificationLevel, for user: UserID, in conversation: ConversationID, at now: Timestamp
    ) async throws(StoreError) -> Bool {
        try await database.write { db in
            try db.execute(
                sql: """
                    UPDATE participants SET notification_level = ?, changed_at = ?
                    WHERE conversation_ref = (SELECT ref FROM conversations WHERE id = ?) AND user_id = ?
                    """, arguments: [level.rawValue, now.milliseconds, conversation.blob, user.blob])
            return db.changesCount == 1
        }
    }

    public func pushStandings(of users: [UserID], in conversation: ConversationID) async throws(StoreError) -> [UserID: PushStanding] {
        try await database.read { db in try Self.pushStandings(of: users, in: conversation, db) }
    }

    /// One snapshot for all: handing a question to a reader's thread costs more than the answer.
    public func pushStandings(of users: [ConversationID: [UserID]]) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]] {
        try await database.read { db in
            var standings: [ConversationID: [UserID: PushStanding]] = [:]
            for (conversation, users) in users { standings[conversation] = try Self.pushStandings(of: users, in: conversation, db) }
            return standings
        }
    }

    private static func pushStandings(of users: [UserID], in conversation: ConversationID, _ db: Database) throws -> [UserID: PushStanding]
    {
        let find = try db.cachedStatement(sql: "SELECT ref, last_sequence FROM conversations WHERE id = ?")
        guard let found = try Row.fetchOne(find, arguments: [conversation.blob]) else { return [:] }
        let statement = try db.cachedStatement(
            sql: """
                SELECT last_read_sequence, muted, muted_until, notification_level, own_sent, own_read FROM participants
                WHERE conversation_ref = ? AND user_id = ?
                """)
        var standings: [UserID: PushStanding] = [:]
        for user in Set(users) {
            guard let row = try Row.fetchOne(statement, arguments: [found[0] as Int64, user.blob]) else { continue }
            let state = ConversationRow.readState(lastSequence: found[1], lastRead: row[0], ownSent: row[4], ownRead: row[5])
            standings[user] = PushStanding(
                lastReadSequence: row[0], mute: ConversationRow.mute(row, at: 1), level: try ConversationRow.level(row, at: 3),
                unreadCount: state.unreadCount)
        }
        return standings
    }
}
