public import ParleyModel

extension InMemoryStore: DepartureLog {
    public func departures(since time: Timestamp, after last: Departure?, limit: Int) -> [Departure] {
        let all = conversations.values.flatMap { record in
            record.departures.map { Departure(userID: $0.key, conversationID: record.id, leftAt: $0.value) }
        }
        let due = all.filter { departure in departure.leftAt >= time && (last.map { $0.isBefore(departure) } ?? true) }
        return Array(due.sorted { $0.isBefore($1) }.prefix(limit))
    }
}

extension Departure {
    fileprivate func isBefore(_ other: Departure) -> Bool {
        (leftAt, userID, conversationID) < (other.leftAt, other.userID, other.conversationID)
    }
}
