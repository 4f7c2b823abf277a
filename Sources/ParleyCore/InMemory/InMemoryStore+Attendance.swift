public import ParleyModel

struct AttendanceKey: Hashable {
    let user: UserID
    let node: NodeID
}

struct AttendanceRecord {
    var since: Timestamp
    var seenUntil: Timestamp?
    /// Nil while the user is there.
    var dueAt: Timestamp?
}

extension InMemoryStore: AttendanceStore {
    public func began(_ users: [UserID], at node: NodeID, since time: Timestamp) {
        for user in users {
            let key = AttendanceKey(user: user, node: node)
            attendances[key] = AttendanceRecord(since: attendances[key]?.since ?? time)
        }
    }

    public func ended(_ ended: [EndedAttendance], at node: NodeID, dueAt: Timestamp) {
        for end in ended {
            let key = AttendanceKey(user: end.userID, node: node)
            let since = min(end.since, attendances[key]?.since ?? end.since)
            attendances[key] = AttendanceRecord(since: since, seenUntil: end.seenUntil, dueAt: dueAt)
        }
    }

    @discardableResult
    public func ended(node: NodeID, dueAt: Timestamp) -> Int {
        let keys = attendances.filter { $0.key.node == node && $0.value.dueAt == nil }.keys
        for key in keys { attendances[key]?.dueAt = dueAt }
        return keys.count
    }

    public func leaseLooks(limit: Int, seconds: Double, at now: Timestamp) -> [SecondLook] {
        let due = attendances.compactMap { key, record in record.dueAt.map { (key, record, dueAt: $0) } }.filter { $0.dueAt <= now }
        let end = now.advanced(bySeconds: seconds)
        return due.sorted { $0.dueAt < $1.dueAt }.prefix(limit).map { key, record, _ in
            attendances[key]?.dueAt = end
            return SecondLook(userID: key.user, node: key.node, since: record.since, seenUntil: record.seenUntil, leasedUntil: end)
        }
    }

    public func finishLooks(_ results: [(SecondLook, SecondLookResult)]) {
        for (look, result) in results {
            let key = AttendanceKey(user: look.userID, node: look.node)
            guard attendances[key]?.dueAt == look.leasedUntil else { continue }
            attendances[key] = nil
            guard result == .attendedElsewhere else { continue }
            for (other, record) in attendances where other.user == look.userID && record.dueAt == nil {
                attendances[other]?.since = min(record.since, look.since)
            }
        }
    }

    public func unread(in looks: [SecondLook]) -> [UnreadConversation] {
        looks.flatMap { look in
            conversations.values.compactMap { record -> UnreadConversation? in
                guard let participant = record.participants[look.userID], let last = record.lastMessage, last.at >= look.since,
                    record.readState(of: participant, look.userID).unreadCount > 0
                else { return nil }
                return UnreadConversation(
                    userID: look.userID, conversationID: record.id, lastReadSequence: participant.lastReadSequence,
                    lastDeliveredSequence: participant.delivered)
            }
        }
    }
}
