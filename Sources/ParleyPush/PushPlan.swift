import ParleyCore
import ParleyModel

/// Every notification of a portion of jobs, with the lane in which it is to be sent.
struct PushPlan {
    struct Step {
        /// Which of `jobs`.
        let job: Int
        let lane: PushLane
        /// What was claimed; nil without device.
        let key: AlertKey?
        let notification: PushNotification
    }

    struct Job {
        let leased: LeasedPushJob
        let recipients: [UserID]
        var waits: [PushWait] = []
        /// Which of `steps`.
        var steps: Range<Int> = 0..<0
    }

    private(set) var jobs: [Job]
    /// Job by job, in the order of the jobs, so that the oldest are complete when the time is up.
    private(set) var steps: [Step] = []
    private(set) var drops: [DropReason: Int]

    /// - Parameters:
    ///   - badges: The unread messages of each recipient with a device.
    ///   - heldSeconds: How long an alert waits that another worker has claimed.
    init(
        _ candidates: PushCandidates, of selection: PushSelection, _ claims: [AlertKey: AlertClaim], _ audience: PushAudience,
        badges: [UserID: Int64], privacy: PushPrivacy, collapseAfter: Int, heldSeconds: Double
    ) {
        jobs = selection.jobs.map { Job(leased: $0.leased, recipients: $0.recipients) }
        drops = selection.drops.merging(candidates.drops, uniquingKeysWith: +)
        for (job, wait) in candidates.waits { jobs[job].waits.append(wait) }
        // Two jobs of one message, or one that came twice, may ask for the same alert: the first of them sends it.
        var taken: Set<AlertKey> = []
        for candidate in candidates.all {
            var earlier = 0
            if let key = candidate.key {
                switch taken.insert(key).inserted ? claims[key] ?? .held : .held {
                case .granted(let count): earlier = count
                case .sent:
                    drops[.alreadySent, default: 0] += 1
                    continue
                case .held:
                    jobs[candidate.job].waits.append(PushWait(recipient: candidate.recipient, seconds: heldSeconds))
                    continue
                }
            }
            let job = jobs[candidate.job].leased.job
            let unread = audience.standings[job.conversationID]?[candidate.recipient]?.unreadCount ?? 0
            let count = earlier >= collapseAfter && unread > 1 ? Int(unread) : 1
            let wording = PushWording(
                privacy.stricter(audience.settings(of: candidate.recipient).privacy),
                senderName: audience.settings(of: job.senderID).displayName, preview: job.messagePreview, count: count)
            let message = PushMessage(
                messageID: job.messageID, conversationID: job.conversationID, senderID: job.senderID,
                sequenceNumber: job.sequenceNumber, createdAt: job.createdAt, title: wording.title, text: wording.text, count: count)
            let notification = PushNotification(
                content: .message(message), recipientID: candidate.recipient, device: candidate.device,
                badge: candidate.device == nil ? nil : badges[candidate.recipient] ?? 0, expiresAt: job.expiresAt)
            add(Step(job: candidate.job, lane: candidate.lane, key: candidate.key, notification: notification))
        }
    }

    private mutating func add(_ step: Step) {
        let start = jobs[step.job].steps.isEmpty ? steps.count : jobs[step.job].steps.lowerBound
        steps.append(step)
        jobs[step.job].steps = start..<steps.count
    }
}
