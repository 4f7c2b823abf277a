import Logging
import ParleyCore
import ParleyModel

extension PushWorker {
    /// Sends a plan's alerts, and writes down what became of them as the answers come.
    ///
    /// - Parameter whenBegun: Called when no alert waits for its turn any more.
    func send(_ plan: PushPlan, decidedAt: Timestamp, whenBegun: @escaping @Sendable () -> Void) async {
        var progress = PushProgress(plan)
        let orders = plan.steps.map {
            PushDispatch.Order(provider: $0.lane.provider, window: $0.lane.alerts, notification: $0.notification)
        }
        await dispatch(until: decidedAt.advanced(bySeconds: configuration.sendingSeconds))
            .send(orders, whenBegun: whenBegun) { news in
                switch news {
                case .fate(let place, let fate):
                    note(fate, of: plan.steps[place].lane.provider, plan.steps[place].notification)
                    await forgetDevice(plan.steps[place].notification.device, after: fate)
                    progress.note(fate, of: place)
                    if progress.outcomes.count >= configuration.settleBatch { await record(&progress) }
                case .time: await record(&progress)
                }
            }
        await recordAll(&progress)
    }

    func dispatch(until deadline: Timestamp) -> PushDispatch {
        PushDispatch(time: time, deadline: deadline) { [configuration, jitter] refused in
            let seconds = Double(refused.components.seconds)
            let bounds = configuration.putBackSeconds
            // Between half of it and the whole.
            return min(max(seconds, bounds.lowerBound), bounds.upperBound) * (1 + jitter()) / 2
        }
    }

    func note(_ fate: PushFate, of provider: any PushProvider, _ notification: PushNotification) {
        metrics.count(fate, provider: provider.name, notification, at: time.now())
        guard case .answered(.rejected(let reason)) = fate else { return }
        var metadata: Logger.Metadata = [
            "provider": "\(provider.name)", "reason": "\(reason)", "conversation_id": "\(notification.content.conversationID)",
            "recipient_id": "\(notification.recipientID)",
        ]
        if case .message(let message) = notification.content { metadata["message_id"] = "\(message.messageID)" }
        logger.warning("push provider rejected a notification", metadata: metadata)
    }

    // MARK: Writing down

    /// First what was sent, then what is finished: a crash in between repeats jobs whose alerts are known to be sent. What
    /// fails is tried again the next time. True when nothing is left to be written down.
    @discardableResult
    private func record(_ progress: inout PushProgress) async -> Bool {
        do throws(StoreError) {
            if !progress.outcomes.isEmpty {
                try await ledger.settle(progress.outcomes, at: time.now())
                progress.settled()
            }
            if !progress.complete.isEmpty {
                let results = results(of: progress.complete, progress)
                try await queue.finish(results, at: time.now())
                metrics.countJobs(results.values)
                progress.finished()
            }
        } catch {
            logger.warning("push worker cannot write down what it sent", metadata: ["error": "\(error)"])
        }
        return progress.isDone
    }

    /// What cannot be written down after all is left to its lease: then it may be sent twice.
    private func recordAll(_ progress: inout PushProgress) async {
        for attempt in 1... {
            if await record(&progress) { return }
            if attempt >= configuration.recordAttempts { break }
            let seconds = configuration.storeErrorBackoff.seconds(afterAttempt: attempt, jitter: jitter())
            try? await Task.sleep(for: .seconds(seconds))
        }
        logger.error("push jobs are left to their lease", metadata: ["jobs": "\(progress.complete.count)"])
    }

    // MARK: Devices

    /// Forgets a device that its push service does not know any more. A failure is only logged: the push service will say it
    /// again for the next message.
    func forgetDevice(_ device: Device?, after fate: PushFate) async {
        guard case .answered(.deviceGone(let since)) = fate, let device else { return }
        do throws(StoreError) {
            try await forget(device, goneSince: since)
        } catch {
            logger.warning(
                "push worker cannot forget a device", metadata: ["device_id": "\(device.id)", "error": "\(error)"])
        }
    }

    /// Whoever has registered it again since then keeps it. Without a time it was gone when this worker looked it up at the latest.
    private func forget(_ device: Device, goneSince since: Timestamp?) async throws(StoreError) {
        _ = try await devices.remove(device.id, of: device.userID, ifRegisteredBefore: since ?? device.registeredAt)
    }
}
