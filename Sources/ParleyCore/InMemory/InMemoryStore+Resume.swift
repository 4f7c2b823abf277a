public import ParleyModel

/// What a client that comes back asks for. A mark is how many messages were stored by then.
extension InMemoryStore {
    public func heads(after mark: ActivityMark?) -> ActivityHeads {
        let now = ActivityMark(Int64(log.count))
        guard let mark else { return ActivityHeads(mark: now, sequences: [:]) }
        var sequences: [ConversationID: Int64] = [:]
        for message in log[place(mark)...] { sequences[message.conversationID] = message.sequenceNumber }
        return ActivityHeads(mark: now, sequences: sequences)
    }

    public func standings(of user: UserID, since mark: ActivityMark?) -> UserStandings {
        let start = mark.map(place) ?? log.count
        var since: [ConversationID: Int64] = [:]
        for message in log[start...] { since[message.conversationID, default: 0] += 1 }
        let standings = conversations.values.compactMap { record -> ConversationStanding? in
            guard let participant = record.participants[user] else { return nil }
            let last = Int64(record.messages.count)
            return ConversationStanding(
                conversationID: record.id, lastSequence: last, sequenceAtMark: last - (since[record.id] ?? 0),
                joinedAt: participant.joinedAt)
        }
        return UserStandings(mark: ActivityMark(Int64(log.count)), conversations: standings)
    }

    public func missedChanges(of user: UserID, since time: Timestamp, maxParticipants: Int64) -> MissedChanges {
        var changed: [ConversationID] = []
        var left: [ConversationID] = []
        var markers: [ParticipantMarkers] = []
        for record in conversations.values {
            if let since = record.departures[user], since >= time { left.append(record.id) }
            guard let own = record.participants[user] else { continue }
            if record.changedAt >= time || own.changedAt >= time { changed.append(record.id) }
            guard record.participants.count <= maxParticipants else { continue }
            for (other, participant) in record.participants where other != user && participant.changedAt >= time {
                markers.append(
                    ParticipantMarkers(
                        conversationID: record.id, userID: other, lastReadSequence: participant.lastReadSequence,
                        lastDeliveredSequence: participant.delivered))
            }
        }
        return MissedChanges(conversations: changed, left: left, markers: markers)
    }

    private func place(_ mark: ActivityMark) -> Int { Int(min(max(mark.value, 0), Int64(log.count))) }
}
