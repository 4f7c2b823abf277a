import Logging
import ParleyCore
import ParleyModel

extension PushWorker {
    /// Sends the plan's notifications, a bounded number at once. Nil for those not started before the deadline.
    func send(_ plan: PushPlan, until deadline: Timestamp) async -> [PushAnswer?] {
        var answers = [PushAnswer?](repeating: nil, count: plan.steps.count)
        await withTaskGroup(of: (Int, PushAnswer).self) { group in
            var underWay = 0
            for (place, step) in plan.steps.enumerated() {
                if underWay == configuration.maxConcurrentSends, let (place, answer) = await group.next() {
                    answers[place] = answer
                    underWay -= 1
                }
                guard time.now() < deadline, !Task.isCancelled else { break }
                group.addTask { (place, await step.provider.send(step.notification)) }
                underWay += 1
            }
            for await (place, answer) in group { answers[place] = answer }
        }
        note(answers, of: plan)
        return answers
    }

    private func note(_ answers: [PushAnswer?], of plan: PushPlan) {
        for (step, answer) in zip(plan.steps, answers) {
            guard let answer else { continue }
            metrics.countNotification(provider: step.provider.name, answer)
            guard case .rejected(let reason) = answer else { continue }
            logger.warning(
                "push provider rejected a notification",
                metadata: [
                    "provider": "\(step.provider.name)", "reason": "\(reason)",
                    "message_id": "\(plan.jobs[step.job].job.messageID)", "recipient_id": "\(step.notification.recipientID)",
                ])
        }
    }

    /// A failure is only logged: the push service will say it again for the next message.
    func forgetDevices(gone answers: [PushAnswer?], in plan: PushPlan) async {
        var forgotten: Set<DeviceID> = []
        for (step, answer) in zip(plan.steps, answers) {
            guard case .deviceGone = answer, let device = step.notification.device, forgotten.insert(device.id).inserted else { continue }
            do throws(StoreError) {
                _ = try await devices.remove(device.id, of: device.userID)
            } catch {
                logger.warning(
                    "push worker cannot forget a device", metadata: ["device_id": "\(device.id)", "error": "\(error)"])
            }
        }
    }
}
