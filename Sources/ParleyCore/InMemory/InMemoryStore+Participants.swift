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
        -> (change: RoleChange, stamp: ConversationStamp?)
    {
        guard var record = conversations[conversation] else { return (.noConversation, nil) }
        defer { conversations[conversation] = record }
        if record.participants[user] != nil {
            if role != .owner, record.isOnlyOwner(user) { return (.lastOwner, nil) }
            record.participants[user]?.role = role
            return (.changed(record.participant(user)!), record.changed(at: now))
        }
        guard record.participants.count < maxParticipants else { return (.full, nil) }
        record.participants[user] = ParticipantRecord(role: role, joinedAt: now, lastReadSequence: record.appliedSequence)
        record.departures[user] = nil
        return (.added(record.participant(user)!), record.changed(at: now))
    }

    public func remove(_ user: UserID, from conversation: ConversationID, at now: Timestamp)
        -> (removal: Removal, stamp: ConversationStamp?)
    {
        guard let record = conversations[conversation], record.participants[user] != nil else { return (.notAParticipant, nil) }
        if record.isOnlyOwner(user), record.participants.count > 1 { return (.lastOwner, nil) }
        conversations[conversation]?.participants[user] = nil
        conversations[conversation]?.departures[user] = now
        noteRead(by: user, in: conversation, at: now)
        return (.removed, conversations[conversation]?.changed(at: now))
    }

    public func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID, at now: Timestamp) -> Bool {
        guard conversations[conversation]?.participants[user] != nil else { return false }
        conversations[conversation]?.participants[user]?.mute = mute
        conversations[conversation]?.participants[user]?.changedAt = now
        return true
    }

    public func setNotificationLevel(
        _ level: NotificationLevel, for user: UserID, in conversation: ConversationID, at now: Timestamp
    ) -> Bool {
        guard conversations[conversation]?.participants[user] != nil else { return false }
        conversations[conversation]?.participants[user]?.notificationLevel = level
        conversations[conversation]?.participants[user]?.changedAt = now
        return true
    }

    public func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        -> MarkerAdvance<ReadState>?
    {
        guard let record = conversations[conversation], var participant = record.participants[user] else { return nil }
        let target = min(sequenceNumber, record.appliedSequence)
        let moved = target > participant.lastReadSequence
        if moved {
            participant.lastReadSequence = target
            participant.changedAt = now
            conversations[conversation]?.participants[user] = participant
            noteRead(by: user, in: conversation, at: now)
        }
        return MarkerAdvance(state: record.readState(of: participant, user), moved: moved)
    }

    public func advanceDelivered(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        -> MarkerAdvance<Int64>?
    {
        guard let record = conversations[conversation], var participant = record.participants[user] else { return nil }
        let target = min(sequenceNumber, Int64(record.messages.count))
        let moved = target > participant.delivered
        if moved {
            participant.lastDeliveredSequence = target
            participant.changedAt = now
            conversations[conversation]?.participants[user] = participant
        }
        return MarkerAdvance(state: participant.delivered, moved: moved)
    }

    public func receiptCounts(of conversation: ConversationID, at sequenceNumber: Int64) -> ReceiptCounts {
        let participants = conversations[conversation]?.participants ?? [:]
        return ReceiptCounts(
            sequenceNumber: sequenceNumber,
            readCount: Int64(participants.values.count { $0.lastReadSequence >= sequenceNumber }),
            deliveredCount: Int64(participants.values.count { $0.delivered >= sequenceNumber }))
    }

    public func participantCount(of conversation: ConversationID) -> Int64? {
        (conversations[conversation]?.participants.count).map(Int64.init)
    }

    public func pushStandings(of users: [ConversationID: [UserID]]) -> [ConversationID: [UserID: PushStanding]] {
        var standings: [ConversationID: [UserID: PushStanding]] = [:]
        for (conversation, users) in users {
            guard let record = conversations[conversation] else { continue }
            for user in users {
                guard let participant = record.participants[user] else { continue }
                standings[conversation, default: [:]][user] = PushStanding(
                    lastReadSequence: participant.lastReadSequence, mute: participant.mute, level: participant.notificationLevel,
                    unreadCount: record.readState(of: participant, user).unreadCount)
            }
        }
        return standings
    }
}

extension ConversationRecord {
    func participant(_ user: UserID) -> Participant? {
        participants[user].map {
            Participant(
                userID: user, role: $0.role, joinedAt: $0.joinedAt, lastReadSequence: $0.lastReadSequence,
                lastDeliveredSequence: $0.delivered)
        }
    }

    func isOnlyOwner(_ user: UserID) -> Bool {
        participants[user]?.role == .owner && participants.values.count { $0.role == .owner } == 1
    }
}

extension ParticipantRecord {
    /// What was read was received.
    var delivered: Int64 { max(lastDeliveredSequence, lastReadSequence) }
}
