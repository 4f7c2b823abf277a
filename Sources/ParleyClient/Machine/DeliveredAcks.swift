import ParleyModel

/// What the server is still to be told of having arrived: the highest number of each conversation, at most once a second.
/// What was told counts once it is answered; a connection that is lost before has it told again.
struct DeliveredAcks: Sendable, Equatable {
    static let intervalMilliseconds: Int64 = 1000

    private var due: [ConversationID: Int64] = [:]
    /// Told, and not answered yet.
    private var unanswered: [ConversationID: Int64] = [:]
    private var notBefore: [ConversationID: Int64] = [:]

    mutating func arrived(_ number: Int64, in id: ConversationID) {
        due[id] = max(due[id] ?? 0, number)
    }

    /// Reading counts as receiving.
    mutating func read(_ number: Int64, in id: ConversationID) {
        if let waiting = due[id], waiting <= number { due[id] = nil }
        finish(number, in: id)
    }

    mutating func forget(_ id: ConversationID) {
        due[id] = nil
        unanswered[id] = nil
        notBefore[id] = nil
    }

    /// One that may be sent now.
    mutating func next(at now: Int64, within budget: inout CommandBudget) -> (ConversationID, Int64)? {
        if due.isEmpty { return nil }
        notBefore = notBefore.filter { now < $0.value }
        guard let (id, number) = due.first(where: { notBefore[$0.key] == nil }), budget.take(at: now) else { return nil }
        due[id] = nil
        unanswered[id] = max(unanswered[id] ?? 0, number)
        notBefore[id] = now + Self.intervalMilliseconds
        return (id, number)
    }

    /// The server has taken a number, or will never take it.
    mutating func finish(_ number: Int64, in id: ConversationID) {
        if let told = unanswered[id], told <= number { unanswered[id] = nil }
    }

    /// The server said "later". Not told again when a higher number is under way, or the conversation was left meanwhile.
    mutating func postpone(_ number: Int64, in id: ConversationID, until time: Int64) {
        guard unanswered[id] == number else { return }
        unanswered[id] = nil
        arrived(number, in: id)
        notBefore[id] = max(notBefore[id] ?? 0, time)
    }

    /// Whether the server has heard what was not answered is not known; hearing it twice does no harm.
    mutating func connectionLost() {
        for (id, number) in unanswered { arrived(number, in: id) }
        unanswered = [:]
    }
}
