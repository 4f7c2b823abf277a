import Logging
import ParleyCore
import ParleyModel

extension PushWorker {
    func planTakeBacks() async throws(StoreError) -> TakeBackPlan {
        let takeBacks = try await ledger.leaseTakeBacks(
            limit: configuration.takeBackBatch, seconds: configuration.takeBackLeaseSeconds, at: time.now())
        let users = Set(takeBacks.map(\.userID))
        let devices = try await devices(of: users)
        let plan = TakeBackPlan(takeBacks, devices, routing, badges: try await unreadTotals(of: users), at: time.now())
        metrics.countUntold(plan.untold)
        return plan
    }

    /// Tells the devices, and the ledger as the answers come.
    func send(_ plan: TakeBackPlan, whenBegun: @escaping @Sendable () -> Void) async {
        var progress = TakeBackProgress(plan)
        let orders = plan.steps.map {
            PushDispatch.Order(provider: $0.lane.provider, window: $0.lane.takeBacks, notification: $0.notification)
        }
        await dispatch(until: time.now().advanced(bySeconds: configuration.sendingSeconds))
            .send(orders, whenBegun: whenBegun) { news in
                switch news {
                case .fate(let place, let fate):
                    let step = plan.steps[place]
                    note(fate, of: step.lane.provider, step.notification)
                    await forgetDevice(step.notification.device, after: fate)
                    let attempt = plan.takeBacks[step.takeBack].attempt
                    progress.note(
                        fate, of: place, wait: configuration.retryBackoff.seconds(afterAttempt: attempt, jitter: jitter()))
                case .time: await finish(&progress)
                }
            }
        // What cannot be written down is told again when its lease ends.
        await finish(&progress)
    }

    private func finish(_ progress: inout TakeBackProgress) async {
        guard !progress.complete.isEmpty else { return }
        let results = progress.complete.map {
            (progress.plan.takeBacks[$0], progress.result(of: $0, maxAttempts: configuration.takeBackAttempts))
        }
        do throws(StoreError) {
            try await ledger.finishTakeBacks(results, at: time.now())
            metrics.countTakeBacks(results.map(\.1))
            progress.finished()
        } catch {
            logger.warning("push worker cannot write down what it took back", metadata: ["error": "\(error)"])
        }
    }
}
