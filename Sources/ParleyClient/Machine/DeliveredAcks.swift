import ParleyModel

/// What the server is still to be told of having arrived: the highest number of each conversation, at most once a second.
struct DeliveredAcks: Sendable, Equatable {
    static let intervalMilliseconds: Int64 = 1000

    private var due: [ConversationID: Int64] = [:]
    private var sentAt: [ConversationID: Int64] = [:]

    mutating func arrived(_ number: Int64, in id: ConversationID) {
        due[id] = max(due[id] ?? 0, number)
    }

    /// Reading counts as receiving.
    mutating func read(_ number: Int64, in id: ConversationID) {
        if let waiting = due[id], waiting <= number { due[id] = nil }
    }

    mutating func forget(_ id: ConversationID) {
        due[id] = nil
        sentAt[id] = nil
    }

    /// One that may be sent now.
    mutating func next(at now: Int64, within budget: inout CommandBudget) -> (ConversationID, Int64)? {
        if due.isEmpty { return nil }
        sentAt = sentAt.filter { now - $0.value < Self.intervalMilliseconds }
        guard let (id, number) = due.first(where: { sentAt[$0.key] == nil }), budget.take(at: now) else { return nil }
        due[id] = nil
        sentAt[id] = now
        return (id, number)
    }
}
