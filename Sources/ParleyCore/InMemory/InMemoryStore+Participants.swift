public import ParleyModel

/// The part of ``ConversationStore`` that is about single participants.
extension InMemoryStore {
    public func role(of user: UserID, in conversation: ConversationID) -> Role? {
        conversations[conversation]?.participants[user]?.role
    }

    public func participants(of conversation: ConversationID, limit: Int, cursor: String?) throws(StoreError)
        -> (participants: [Participant], nextCursor: String?)
    {
        var last: UserID?
        if let cursor {
            guard let user = UserID(cursor) else { throw .invalidCursor }
            last = user
        }
        let ids = participantIDs(of: conversation, after: last, limit: limit + 1)
        let page = ids.prefix(limit).compactMap { conversations[conversation]?.participant($0) }
        return (page, ids.count > limit ? page.last?.userID.description : nil)
    }

    public func participantIDs(of conversation: ConversationID, after user: UserID?, limit: Int) -> [UserID] {
        let ids = (conversations[conversation]?.participants.keys).map(Array.init) ?? []
        return Array(ids.filter { user == nil || $0 > user! }.sorted().prefix(limit))
    }

    public func setRole(of user: UserID, in conversation: ConversationID, to role: Role, maxParticipants: Int, at now: Timestamp)
        -> RoleChange
    {
        guard var record = conversations[conversation] else { return .noConversation }
        defer { conversations[conversation] = record }
        if record.participants[user] != nil {
            if role != .owner, record.isOnlyOwner(user) { return .lastOwner }
            record.participants[user]?.role = role
            return .changed(record.participant(user)!)
        }
        guard record.participants.count < maxParticipants else { return .full }
        record.participants[user] = ParticipantRecord(role: role, joinedAt: now, lastReadSequence: record.appliedSequence)
        return .added(record.participant(user)!)
    }

    public func remove(_ user: UserID, from conversation: ConversationID) -> Removal {
        guard let record = conversations[conversation], record.participants[user] != nil else { return .notAParticipant }
        if record.isOnlyOwner(user), record.participants.count > 1 { return .lastOwner }
        conversations[conversation]?.participants[user] = nil
        return .removed
    }

    public func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID) -> Bool {
        guard conversations[conversation]?.participants[user] != nil else { return false }
        conversations[conversation]?.participants[user]?.mute = mute
        return true
    }

    public func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64) -> ReadState? {
        guard let record = conversations[conversation], var participant = record.participants[user] else { return nil }
        participant.lastReadSequence = max(participant.lastReadSequence, min(sequenceNumber, record.appliedSequence))
        conversations[conversation]?.participants[user] = participant
        return record.readState(of: participant, user)
    }

    public func pushStandings(of users: [UserID], in conversation: ConversationID) -> [UserID: PushStanding] {
        let participants = conversations[conversation]?.participants ?? [:]
        return participants.filter { users.contains($0.key) }
            .mapValues { PushStanding(lastReadSequence: $0.lastReadSequence, mute: $0.mute) }
    }
}

extension ConversationRecord {
    func participant(_ user: UserID) -> Participant? {
        participants[user].map {
            Participant(userID: user, role: $0.role, joinedAt: $0.joinedAt, lastReadSequence: $0.lastReadSequence)
        }
    }

    func isOnlyOwner(_ user: UserID) -> Bool {
        participants[user]?.role == .owner && participants.values.count { $0.role == .owner } == 1
    }
}
