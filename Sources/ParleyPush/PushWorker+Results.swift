import Logging
import ParleyCore
import ParleyModel

extension PushWorker {
    func results(of plan: PushPlan, _ answers: [PushAnswer?]) -> [PushJobID: PushJobResult] {
        var debts = [PushDebt](repeating: PushDebt(), count: plan.jobs.count)
        for (step, answer) in zip(plan.steps, answers) { debts[step.job].add(answer, of: step) }
        var results: [PushJobID: PushJobResult] = [:]
        for (leased, debt) in zip(plan.jobs, debts) {
            let result = result(of: leased, debt)
            note(result, of: leased)
            results[leased.id] = result
        }
        return results
    }

    private func result(of leased: LeasedPushJob, _ debt: PushDebt) -> PushJobResult {
        guard !debt.recipients.isEmpty else { return .done }
        guard let failure = debt.failure else {
            // The batch was too large for its time; that is no failure of the job's, and never makes it a dead letter.
            return .retry(after: 0, recipients: debt.recipients, reason: "not reached before the lease was to end")
        }
        guard leased.attempt < configuration.maxAttempts else { return .dead(recipients: debt.recipients, reason: failure) }
        let chosen = configuration.retryBackoff.seconds(afterAttempt: leased.attempt, jitter: jitter())
        let asked = min(debt.providerWaitSeconds, configuration.providerWaitCapSeconds)
        return .retry(after: max(chosen, asked), recipients: debt.recipients, reason: failure)
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
