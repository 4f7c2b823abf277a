import ParleyCore
import ParleyModel

/// Silent updates for conversations that were read: one for each device of the reader that takes such.
struct TakeBackPlan {
    struct Step {
        /// Which of `takeBacks`.
        let takeBack: Int
        let lane: PushLane
        let notification: PushNotification
    }

    let takeBacks: [TakeBack]
    private(set) var steps: [Step] = []
    /// How many devices of each provider cannot be told silently.
    private(set) var untold: [String: Int] = [:]

    /// - Parameter badges: The unread messages of each user.
    init(_ takeBacks: [TakeBack], _ devices: [UserID: [Device]], _ routing: PushRouting, badges: [UserID: Int64], at now: Timestamp) {
        self.takeBacks = takeBacks
        for (place, takeBack) in takeBacks.enumerated() {
            for device in devices[takeBack.userID] ?? [] {
                guard let lane = routing.byKind[device.address.kind], lane.provider.takesReads else { continue }
                guard lane.provider.takesReads(on: device) else {
                    untold[lane.provider.name, default: 0] += 1
                    continue
                }
                let read = PushRead(conversationID: takeBack.conversationID, lastReadSequence: takeBack.lastReadSequence)
                let notification = PushNotification(
                    content: .read(read), recipientID: takeBack.userID, device: device, badge: badges[takeBack.userID] ?? 0,
                    // As long as the alerts that it takes back may be on their way.
                    expiresAt: now.advanced(bySeconds: PushNotification.defaultLifetimeSeconds))
                steps.append(Step(takeBack: place, lane: lane, notification: notification))
            }
        }
    }
}

/// How far a ``TakeBackPlan`` has been carried out.
struct TakeBackProgress {
    let plan: TakeBackPlan
    private var open: [Int]
    private var badges: [[DeviceID: Int64]]
    private var waits: [Double?]
    /// Those whose devices were all tried, and that are not finished yet.
    private(set) var complete: [Int]

    init(_ plan: TakeBackPlan) {
        self.plan = plan
        open = Array(repeating: 0, count: plan.takeBacks.count)
        badges = Array(repeating: [:], count: plan.takeBacks.count)
        waits = Array(repeating: nil, count: plan.takeBacks.count)
        for step in plan.steps { open[step.takeBack] += 1 }
        complete = []
        complete = open.indices.filter { open[$0] == 0 }
    }

    /// - Parameter wait: How long to wait with the next attempt, if one is needed.
    mutating func note(_ fate: PushFate, of place: Int, wait: Double) {
        let step = plan.steps[place]
        switch fate {
        case .answered(.accepted):
            if let device = step.notification.device, let badge = step.notification.badge { badges[step.takeBack][device.id] = badge }
        case .answered(.rejected), .answered(.deviceGone): break
        case .answered(.retry(let asked, _)), .answered(.unanswered(let asked, _)): owe(step.takeBack, max(wait, asked ?? 0))
        case .putBack(let seconds): owe(step.takeBack, seconds)
        case .notReached: owe(step.takeBack, wait)
        }
        open[step.takeBack] -= 1
        if open[step.takeBack] == 0 { complete.append(step.takeBack) }
    }

    private mutating func owe(_ takeBack: Int, _ seconds: Double) {
        waits[takeBack] = max(waits[takeBack] ?? 0, seconds)
    }

    /// Whoever was told is told again when another device was not: it does no harm.
    func result(of takeBack: Int, maxAttempts: Int) -> TakeBackResult {
        guard let wait = waits[takeBack], plan.takeBacks[takeBack].attempt < maxAttempts else { return .done(badges: badges[takeBack]) }
        return .retry(after: wait)
    }

    mutating func finished() { complete = [] }
    var isDone: Bool { complete.isEmpty && !open.contains { $0 > 0 } }
}
