import ParleyCore
import ParleyModel

/// The recipients of some jobs that the policy lets through, and why the others were dropped.
struct PushSelection {
    /// The jobs that can be decided upon; those of a conversation that could not be read are left to their lease.
    private(set) var jobs: [(leased: LeasedPushJob, recipients: [UserID])] = []
    private(set) var drops: [DropReason: Int] = [:]

    init(_ batch: [LeasedPushJob], _ audience: PushAudience, at now: Timestamp) {
        for leased in batch {
            guard let standings = audience.standings[leased.job.conversationID] else { continue }
            // Jobs also come from programs of others, which may name a recipient twice.
            var seen: Set<UserID> = []
            let recipients = leased.job.recipients.filter { recipient in
                guard seen.insert(recipient).inserted else { return false }
                let facts = PushFacts(
                    standing: standings[recipient], settings: audience.settings(of: recipient), isSender: recipient == leased.job.senderID,
                    isAttended: audience.attended.contains(recipient), sequenceNumber: leased.job.sequenceNumber,
                    expiresAt: leased.job.expiresAt, now: now)
                switch PushPolicy.decide(facts) {
                case .send: return true
                case .drop(let reason):
                    drops[reason, default: 0] += 1
                    return false
                }
            }
            jobs.append((leased, recipients))
        }
    }

    var recipients: Set<UserID> {
        jobs.reduce(into: []) { $0.formUnion($1.recipients) }
    }
}

extension PushJob {
    /// When alerts of its message are worth nothing any more.
    var expiresAt: Timestamp { createdAt.advanced(bySeconds: PushNotification.defaultLifetimeSeconds) }
}
