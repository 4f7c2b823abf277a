import Logging
import ParleyCore
import ParleyModel

extension PushWorker {
    /// What is to be said of jobs whose steps all have a fate.
    func results(of jobs: [Int], _ progress: PushProgress) -> [PushJobID: PushJobResult] {
        var results: [PushJobID: PushJobResult] = [:]
        for job in jobs {
            let leased = progress.plan.jobs[job].leased
            let result = result(of: progress.plan.jobs[job], debt(of: job, progress))
            note(result, of: leased)
            results[leased.id] = result
        }
        return results
    }

    private func debt(of job: Int, _ progress: PushProgress) -> PushDebt {
        var debt = PushDebt(progress.plan.jobs[job].waits)
        for (step, fate) in progress.steps(of: job) {
            let recipient = step.notification.recipientID
            switch fate {
            case .answered(.accepted), .answered(.rejected), .answered(.deviceGone): break
            case .answered(.retry(let asked, let reason)), .answered(.unanswered(let asked, let reason)):
                let wait = pause(step, attempt: progress.plan.jobs[job].leased.attempt, asked: asked)
                debt.add(recipient, after: wait, failure: "\(step.lane.provider.name): \(reason)")
            case .putBack(let seconds): debt.add(recipient, after: seconds)
            case .notReached: debt.add(recipient, after: 0)
            }
        }
        return debt
    }

    /// How long an alert that failed has to wait. The job comes back for the first of what it owes; the others wait until
    /// their own time has come.
    private func pause(_ step: PushPlan.Step, attempt: Int, asked: Double?) -> Double {
        let chosen = configuration.retryBackoff.seconds(afterAttempt: attempt, jitter: jitter())
        let asked = min(asked ?? 0, configuration.providerWaitCapSeconds)
        let now = time.now()
        if let key = step.key {
            pauses.pause(.alert(key), until: now.advanced(bySeconds: chosen), at: now)
            if asked > 0 { pauses.pause(.device(key.deviceID), until: now.advanced(bySeconds: asked), at: now) }
        }
        return max(chosen, asked)
    }

    private func result(of job: PushPlan.Job, _ debt: PushDebt) -> PushJobResult {
        let owed = debt.recipients(of: job.recipients)
        guard !owed.isEmpty else { return .done }
        // Having to wait, or not being reached, is no failure of the job's: it is not counted, however often it happens.
        guard let failure = debt.failure else { return .returned(after: debt.seconds ?? 0, recipients: owed) }
        if job.leased.attempt >= configuration.maxAttempts { return .dead(recipients: owed, reason: failure) }
        return .retry(after: debt.seconds ?? 0, recipients: owed, reason: failure)
    }

    private func note(_ result: PushJobResult, of leased: LeasedPushJob) {
        var metadata: Logger.Metadata = [
            "message_id": "\(leased.job.messageID)", "conversation_id": "\(leased.job.conversationID)",
            "attempt": "\(leased.attempt)",
        ]
        switch result {
        case .done, .returned: return
        case .retry(let seconds, let recipients, let reason):
            metadata.merge(["recipients": "\(recipients.count)", "reason": "\(reason)", "seconds": "\(seconds)"]) { $1 }
            logger.info("push job will be tried again", metadata: metadata)
        case .dead(let recipients, let reason):
            metadata.merge(["recipients": "\(recipients.count)", "reason": "\(reason)"]) { $1 }
            logger.error("push job became a dead letter", metadata: metadata)
        }
    }
}
