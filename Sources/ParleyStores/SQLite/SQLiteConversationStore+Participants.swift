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
                    SELECT user_id, role, joined_at, last_read_sequence FROM participants
                    WHERE conversation_ref = ? AND user_id > ? ORDER BY user_id LIMIT ?
                    """)
            let found = try Row.fetchAll(statement, arguments: [ref, after, limit + 1]).map(Self.participant)
            let page = Array(found.prefix(limit))
            return (page, found.count > limit ? page.last?.userID.description : nil)
        }
    }

    private static func participant(_ row: Row) throws -> Participant {
        guard let role = Role(rawValue: row[1]) else { throw DamagedRow(column: "role") }
        return Participant(userID: try row.id(at: 0), role: role, joinedAt: row.timestamp(at: 2), lastReadSequence: row[3])
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
        async throws(StoreError) -> RoleChange
    {
        try await database.write { db in
            let row = try Row.fetchOne(
                db, sql: "SELECT ref, last_sequence, participant_count FROM conversations WHERE id = ?", arguments: [conversation.blob])
            guard let row else { return .noConversation }
            let ref: Int64 = row[0]
            guard let current = try Self.participant(user, in: ref, db) else {
                guard (row[2] as Int) < maxParticipants else { return .full }
                return .added(try Self.add(user, role, to: ref, lastRead: row[1], at: now, db))
            }
            if current.role == .owner, role != .owner, try Self.owners(in: ref, db) == 1 { return .lastOwner }
            try db.execute(
                sql: "UPDATE participants SET role = ? WHERE conversation_ref = ? AND user_id = ?",
                arguments: [role.rawValue, ref, user.blob])
            return .changed(
                Participant(userID: user, role: role, joinedAt: current.joinedAt, lastReadSequence: current.lastReadSequence))
        }
    }

    private static func add(_ user: UserID, _ role: Role, to ref: Int64, lastRead: Int64, at now: Timestamp, _ db: Database) throws
        -> Participant
    {
        try db.execute(
            sql: "INSERT INTO participants (conversation_ref, user_id, role, joined_at, last_read_sequence) VALUES (?, ?, ?, ?, ?)",
            arguments: [ref, user.blob, role.rawValue, now.milliseconds, lastRead])
        try db.execute(sql: "UPDATE conversations SET participant_count = participant_count + 1 WHERE ref = ?", arguments: [ref])
        return Participant(userID: user, role: role, joinedAt: now, lastReadSequence: lastRead)
    }

    private static func participant(_ user: UserID, in ref: Int64, _ db: Database) throws -> Participant? {
        try Row.fetchOne(
            db, sql: "SELECT user_id, role, joined_at, last_read_sequence FROM participants WHERE conversation_ref = ? AND user_id = ?",
            arguments: [ref, user.blob]
        ).map(participant)
    }

    private static func owners(in ref: Int64, _ db: Database) throws -> Int {
        try Int.fetchOne(db, sql: "SELECT count(*) FROM participants WHERE conversation_ref = ? AND role = 'owner'", arguments: [ref]) ?? 0
    }

    public func remove(_ user: UserID, from conversation: ConversationID) async throws(StoreError) -> Removal {
        try await database.write { db in
            guard let ref = try Self.ref(of: conversation, db), let current = try Self.participant(user, in: ref, db) else {
                return .notAParticipant
            }
            let count = try Int.fetchOne(db, sql: "SELECT participant_count FROM conversations WHERE ref = ?", arguments: [ref]) ?? 0
            if current.role == .owner, count > 1, try Self.owners(in: ref, db) == 1 { return .lastOwner }
            try db.execute(sql: "DELETE FROM participants WHERE conversation_ref = ? AND user_id = ?", arguments: [ref, user.blob])
            try db.execute(sql: "UPDATE conversations SET participant_count = participant_count - 1 WHERE ref = ?", arguments: [ref])
            return .removed
        }
    }

    // MARK: A participant's own state

    public func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID) async throws(StoreError) -> Bool {
        var until: Int64?
        if case .until(let end) = mute { until = end.milliseconds }
        return try await database.write { [until] db in
            try db.execute(
                sql: """
                    UPDATE participants SET muted = ?, muted_until = ?
                    WHERE conversation_ref = (SELECT ref FROM conversations WHERE id = ?) AND user_id = ?
                    """, arguments: [mute != .off, until, conversation.blob, user.blob])
            return db.changesCount == 1
        }
    }

    public func pushStandings(of users: [UserID], in conversation: ConversationID) async throws(StoreError) -> [UserID: PushStanding] {
        try await database.read { db in
            guard let ref = try Self.ref(of: conversation, db) else { return [:] }
            let statement = try db.cachedStatement(
                sql: "SELECT last_read_sequence, muted, muted_until FROM participants WHERE conversation_ref = ? AND user_id = ?")
            var standings: [UserID: PushStanding] = [:]
            for user in Set(users) {
                guard let row = try Row.fetchOne(statement, arguments: [ref, user.blob]) else { continue }
                standings[user] = PushStanding(lastReadSequence: row[0], mute: ConversationRow.mute(row, at: 1))
            }
            return standings
        }
    }

    // MARK: Read markers

    public func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64) async throws(StoreError)
        -> ReadState?
    {
        while true {
            guard let plan = try await readPlan(user, conversation, sequenceNumber) else { return nil }
            guard plan.target > plan.marker.lastRead else { return plan.marker.state }
            if let state = try await advance(user, plan) { return state }
            // Somebody moved the same marker in between; look again.
        }
    }

    private struct Marker {
        let lastSequence: Int64
        let lastRead: Int64
        let ownSent: Int64
        let ownRead: Int64

        var state: ReadState {
            ConversationRow.readState(lastSequence: lastSequence, lastRead: lastRead, ownSent: ownSent, ownRead: ownRead)
        }
    }

    private struct ReadPlan {
        let ref: Int64
        let marker: Marker
        let target: Int64
        /// The user's own messages after the marker up to the target.
        let ownPassed: Int64
    }

    /// Counts, on a reading connection, the user's own messages that the marker would pass. Messages never change, so
    /// the count holds as long as the marker stands where it stood; however long it takes, no writer waits for it.
    private func readPlan(_ user: UserID, _ conversation: ConversationID, _ sequenceNumber: Int64) async throws(StoreError) -> ReadPlan? {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT ref, last_sequence, last_read_sequence, own_sent, own_read
                    FROM conversations JOIN participants ON conversation_ref = ref WHERE id = ? AND user_id = ?
                    """)
            guard let row = try Row.fetchOne(statement, arguments: [conversation.blob, user.blob]) else { return nil }
            let marker = Marker(lastSequence: row[1], lastRead: row[2], ownSent: row[3], ownRead: row[4])
            let target = min(sequenceNumber, marker.lastSequence)
            var own: Int64 = 0
            if target > marker.lastRead, marker.ownSent > marker.ownRead {
                own =
                    target == marker.lastSequence
                    ? marker.ownSent - marker.ownRead : try Self.ownMessages(user, row[0], marker.lastRead, target, db)
            }
            return ReadPlan(ref: row[0], marker: marker, target: target, ownPassed: own)
        }
    }

    private static func ownMessages(_ user: UserID, _ ref: Int64, _ after: Int64, _ through: Int64, _ db: Database) throws -> Int64 {
        try Int64.fetchOne(
            db,
            sql: """
                SELECT count(*) FROM messages
                WHERE conversation_ref = ? AND sequence_number > ? AND sequence_number <= ? AND sender_id = ?
                """, arguments: [ref, after, through, user.blob]) ?? 0
    }

    /// Nil when the marker is no longer where the plan saw it.
    private func advance(_ user: UserID, _ plan: ReadPlan) async throws(StoreError) -> ReadState? {
        try await database.write { db in
            let move = try db.cachedStatement(
                sql: """
                    UPDATE participants SET last_read_sequence = ?, own_read = own_read + ?
                    WHERE conversation_ref = ? AND user_id = ? AND last_read_sequence = ?
                    """)
            try move.execute(arguments: [plan.target, plan.ownPassed, plan.ref, user.blob, plan.marker.lastRead])
            guard db.changesCount == 1 else { return nil }
            let now = try db.cachedStatement(
                sql: """
                    SELECT last_sequence, last_read_sequence, own_sent, own_read
                    FROM conversations JOIN participants ON conversation_ref = ref WHERE ref = ? AND user_id = ?
                    """)
            guard let row = try Row.fetchOne(now, arguments: [plan.ref, user.blob]) else { return nil }
            return Marker(lastSequence: row[0], lastRead: row[1], ownSent: row[2], ownRead: row[3]).state
        }
    }
}
