import ParleyModel

/// What became of a step of a plan.
enum PushFate: Sendable, Equatable {
    case answered(PushAnswer)
    /// The provider stalls or is slow; it is to be tried again after that many seconds.
    case putBack(seconds: Double)
    /// The time was up, or the worker was stopped, before its turn came.
    case notReached
}

/// What a job still owes after its notifications were tried.
struct PushDebt: Equatable {
    /// A recipient is owed when any of their devices is.
    private var owed: Set<UserID> = []
    /// The first failure's; nil when the owed were only not reached, or have to wait.
    private(set) var failure: String?
    /// Until the first of them may be tried again.
    private(set) var seconds: Double?

    init(_ waits: [PushWait]) {
        for wait in waits { add(wait.recipient, after: wait.seconds) }
    }

    mutating func add(_ recipient: UserID, after wait: Double, failure reason: String? = nil) {
        owed.insert(recipient)
        seconds = min(seconds ?? wait, wait)
        failure = failure ?? reason
    }

    /// Those of `recipients` that are owed, in their order.
    func recipients(of recipients: [UserID]) -> [UserID] { recipients.filter(owed.contains) }
    var isEmpty: Bool { owed.isEmpty }
}
