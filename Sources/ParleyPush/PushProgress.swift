import ParleyCore
import ParleyModel

/// How far a plan has been carried out, and what of it is to be written down.
struct PushProgress {
    let plan: PushPlan
    private var fates: [PushFate?]
    /// How many steps of each job have no fate yet.
    private var open: [Int]
    /// Jobs whose steps all have one, and that are not finished yet.
    private(set) var complete: [Int]
    /// Of claimed alerts, to be settled.
    private(set) var outcomes: [AlertKey: AlertOutcome] = [:]

    init(_ plan: PushPlan) {
        self.plan = plan
        fates = Array(repeating: nil, count: plan.steps.count)
        open = plan.jobs.map(\.steps.count)
        complete = plan.jobs.indices.filter { plan.jobs[$0].steps.isEmpty }
    }

    mutating func note(_ fate: PushFate, of place: Int) {
        let job = plan.steps[place].job
        fates[place] = fate
        open[job] -= 1
        if open[job] == 0 { complete.append(job) }
        if let key = plan.steps[place].key { outcomes[key] = fate.outcome(badge: plan.steps[place].notification.badge) }
    }

    /// The fates of a complete job's steps.
    func steps(of job: Int) -> [(step: PushPlan.Step, fate: PushFate)] {
        plan.jobs[job].steps.map { (plan.steps[$0], fates[$0] ?? .notReached) }
    }

    mutating func settled() { outcomes = [:] }
    mutating func finished() { complete = [] }

    var isDone: Bool { outcomes.isEmpty && complete.isEmpty && !open.contains { $0 > 0 } }
}

extension PushFate {
    fileprivate func outcome(badge: Int64?) -> AlertOutcome {
        switch self {
        case .answered(.accepted): .sent(badge: badge)
        case .answered(.unanswered): .unknown(badge: badge)
        case .answered(.retry), .answered(.rejected), .answered(.deviceGone), .putBack, .notReached: .released
        }
    }
}
