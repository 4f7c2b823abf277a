import ParleyModel

/// What a job still owes after its notifications were tried.
struct PushDebt: Equatable {
    /// Each recipient once, in the order of sending. A recipient is owed when any of their devices is.
    private(set) var recipients: [UserID] = []
    /// The first failure's; nil when the owed were only not reached in time.
    private(set) var failure: String?
    /// The longest wait that a push service asked for.
    private(set) var providerWaitSeconds = 0.0

    mutating func add(_ answer: PushAnswer?, of step: PushPlan.Step) {
        switch answer {
        case .accepted, .rejected, .deviceGone: return
        case .retry(let after, let reason):
            failure = failure ?? "\(step.provider.name): \(reason)"
            providerWaitSeconds = max(providerWaitSeconds, after ?? 0)
        case nil: break
        }
        // Steps come recipient by recipient, so that looking at the last one is enough.
        if recipients.last != step.notification.recipientID { recipients.append(step.notification.recipientID) }
    }
}
