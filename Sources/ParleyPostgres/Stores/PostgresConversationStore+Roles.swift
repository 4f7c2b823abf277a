public import ParleyCore
public import ParleyModel

/// Coming, going and changing roles. Each locks its conversation first: what is then decided holds until the commit.
extension PostgresConversationStore {
    private static let lock = PostgresStatement(
        "roles.lock",
        "SELECT last_sequence, participant_count FROM conversations WHERE conversation_id = $1 FOR NO KEY UPDATE")
    private static let find = PostgresStatement(
        "roles.find", "SELECT \(participantColumns) FROM participants WHERE conversation_id = $1 AND user_id = $2")
    private static let findOwners = PostgresStatement(
        "roles.owners", "SELECT user_id FROM participants WHERE conversation_id = $1 AND role = 'owner' LIMIT 2")

    /// What decides about a change.
    private struct Facts {
        let lastSequence: Int64
        let count: Int64
        let current: Participant?
        let isOnlyOwner: Bool
    }

    /// Locks the conversation; nil when there is none.
    private static func facts(
        _ user: UserID, _ conversation: ConversationID, _ transaction: PostgresTransaction
    ) throws(PostgresFailure) -> Facts? {
        let rows = try transaction.run([
            lock(.id(conversation)), find(.id(conversation), .id(user)), findOwners(.id(conversation)),
        ])
        guard let row = rows[0].first else { return nil }
        let current = try rows[1].map(participant).first
        return Facts(
            lastSequence: try row.int64(0), count: try row.int64(1), current: current,
            isOnlyOwner: current?.role == .owner && rows[2].count == 1)
    }

    /// Gives a change its version. Who joins a direct conversation again has nothing unread.
    private static let count = PostgresStatement(
        "roles.count",
        """
        UPDATE conversations SET
            version = version + 1, changed_at = greatest(changed_at, $2), participant_count = participant_count + $3,
            unread_count_user1 = CASE WHEN $3 = 1 AND user1_id = $4 THEN 0 ELSE unread_count_user1 END,
            unread_count_user2 = CASE WHEN $3 = 1 AND user2_id = $4 THEN 0 ELSE unread_count_user2 END
        WHERE conversation_id = $1 RETURNING version, title, participant_count
        """)

    private static func change(
        _ user: UserID, _ conversation: ConversationID, count delta: Int64, at now: Timestamp, _ calls: [PostgresCall],
        _ transaction: PostgresTransaction
    ) throws(PostgresFailure) -> ConversationStamp {
        let call = count(.id(conversation), .timestamp(now), .int64(delta), .id(user))
        guard let row = try transaction.run(calls + [call]).last?.first else {
            throw .damaged("a conversation went away in the transaction that changed it")
        }
        return try stamp(row)
    }

    // MARK: Setting a role

    private static let insert = PostgresStatement(
        "roles.insert",
        """
        INSERT INTO participants (conversation_id, user_id, role, joined_at, changed_at, last_read_sequence)
        VALUES ($1, $2, $3, $4, $4, $5)
        """)
    private static let forgetDeparture = PostgresStatement(
        "roles.forget-departure", "DELETE FROM departures WHERE user_id = $2 AND conversation_id = $1")
    private static let update = PostgresStatement(
        "roles.update", "UPDATE participants SET role = $3 WHERE conversation_id = $1 AND user_id = $2")

    public func setRole(of user: UserID, in conversation: ConversationID, to role: Role, maxParticipants: Int, at now: Timestamp)
        async throws(StoreError) -> (change: RoleChange, stamp: ConversationStamp?)
    {
        try await database.run { connection throws(PostgresFailure) in
            try connection.transaction { transaction throws(PostgresFailure) in
                guard let facts = try Self.facts(user, conversation, transaction) else { return (.noConversation, nil) }
                let ids: (PostgresValue, PostgresValue) = (.id(conversation), .id(user))
                guard let current = facts.current else {
                    guard facts.count < maxParticipants else { return (.full, nil) }
                    let calls = [
                        Self.insert(ids.0, ids.1, .text(role.rawValue), .timestamp(now), .int64(facts.lastSequence)),
                        Self.forgetDeparture(ids.0, ids.1),
                    ]
                    let stamp = try Self.change(user, conversation, count: 1, at: now, calls, transaction)
                    let added = Participant(
                        userID: user, role: role, joinedAt: now, lastReadSequence: facts.lastSequence,
                        lastDeliveredSequence: facts.lastSequence)
                    return (.added(added), stamp)
                }
                if role != .owner, facts.isOnlyOwner { return (.lastOwner, nil) }
                let calls = [Self.update(ids.0, ids.1, .text(role.rawValue))]
                let stamp = try Self.change(user, conversation, count: 0, at: now, calls, transaction)
                let changed = Participant(
                    userID: user, role: role, joinedAt: current.joinedAt, lastReadSequence: current.lastReadSequence,
                    lastDeliveredSequence: current.lastDeliveredSequence)
                return (.changed(changed), stamp)
            }
        }
    }

    // MARK: Removing

    private static let delete = PostgresStatement(
        "roles.delete", "DELETE FROM participants WHERE conversation_id = $1 AND user_id = $2")
    private static let noteDeparture = PostgresStatement(
        "roles.note-departure",
        """
        INSERT INTO departures (conversation_id, user_id, left_at) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, conversation_id) DO UPDATE SET left_at = excluded.left_at
        """)

    public func remove(_ user: UserID, from conversation: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (removal: Removal, stamp: ConversationStamp?)
    {
        try await database.run { connection throws(PostgresFailure) in
            try connection.transaction { transaction throws(PostgresFailure) in
                guard let facts = try Self.facts(user, conversation, transaction), facts.current != nil else {
                    return (.notAParticipant, nil)
                }
                if facts.isOnlyOwner, facts.count > 1 { return (.lastOwner, nil) }
                let calls = [
                    Self.delete(.id(conversation), .id(user)), Self.noteDeparture(.id(conversation), .id(user), .timestamp(now)),
                ]
                let takeBack = PostgresTakeBacks.afterLeaving(of: user, conversation, at: now)
                return (.removed, try Self.change(user, conversation, count: -1, at: now, calls + takeBack, transaction))
            }
        }
    }
}
