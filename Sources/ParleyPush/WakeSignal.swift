import Synchronization

/// Lets one task sleep until there is something to do, until it has to stop, or until its time is up.
///
/// A wake that comes while nobody sleeps ends the next sleep at once, so that none is missed.
final class WakeSignal: Sendable {
    private struct State {
        var isWoken = false
        var isStopped = false
        var sleeper: CheckedContinuation<Void, Never>?
        var sleeperHeedsWakes = true

        mutating func takeSleeper() -> CheckedContinuation<Void, Never>? {
            defer { sleeper = nil }
            return sleeper
        }
    }

    /// Held for a few assignments only; `wake` is called from the create path and must not wait for an actor.
    private let state = Mutex(State())

    var isStopped: Bool { state.withLock { $0.isStopped } }

    func wake() {
        let sleeper = state.withLock { state in
            state.isWoken = true
            return state.sleeperHeedsWakes ? state.takeSleeper() : nil
        }
        sleeper?.resume()
    }

    /// Ends this sleep and every later one.
    func stop() {
        let sleeper = state.withLock { state in
            state.isStopped = true
            return state.takeSleeper()
        }
        sleeper?.resume()
    }

    /// Sleeps until a wake, or until `seconds` have passed, the signal is stopped, or the task is cancelled.
    func sleepUntilWoken(atMostSeconds seconds: Double) async {
        await sleep(seconds: seconds, heedsWakes: true)
        state.withLock { $0.isWoken = false }
    }

    /// Sleeps until `seconds` have passed, the signal is stopped, or the task is cancelled. Wakes wait.
    func sleep(seconds: Double) async {
        await sleep(seconds: seconds, heedsWakes: false)
    }

    private func sleep(seconds: Double, heedsWakes: Bool) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { try? await Task.sleep(for: .seconds(seconds)) }
            group.addTask { await self.signalled(heedsWakes: heedsWakes) }
            await group.next()
            group.cancelAll()
        }
    }

    private func signalled(heedsWakes: Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isSignalled = state.withLock { state in
                    if state.isStopped || (heedsWakes && state.isWoken) || Task.isCancelled { return true }
                    state.sleeper = continuation
                    state.sleeperHeedsWakes = heedsWakes
                    return false
                }
                if isSignalled { continuation.resume() }
            }
        } onCancel: {
            // A cancellation that comes before the continuation is kept is seen by `Task.isCancelled` above.
            state.withLock { $0.takeSleeper() }?.resume()
        }
    }
}
