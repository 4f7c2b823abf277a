import ServiceLifecycle
import Synchronization

/// Lets one task sleep until there is something to do, until it has to stop, or until its time is up.
///
/// A wake that comes while nobody sleeps ends the next sleep at once, so that none is missed.
public final class WakeSignal: Sendable {
    private struct State {
        var isWoken = false
        var isStopped = false
        var sleeper: CheckedContinuation<Void, Never>?
        var sleeperHeedsWakes = true
    }

    /// Held for a few assignments only; `wake` is called from the create path and must not wait for an actor.
    private let state = Mutex(State())

    public init() {}

    public var isStopped: Bool { state.withLock { $0.isStopped } }

    /// From any thread. Never waits.
    public func wake() {
        state.withLock { state in
            state.isWoken = true
            return state.sleeperHeedsWakes ? state.sleeper.take() : nil
        }?.resume()
    }

    /// Ends this sleep and every later one.
    public func stop() {
        state.withLock { state in
            state.isStopped = true
            return state.sleeper.take()
        }?.resume()
    }

    /// Runs `body`; stops when its task is cancelled or graceful shutdown begins.
    public func stoppingAtShutdown(_ body: () async -> Void) async {
        await withTaskCancellationOrGracefulShutdownHandler(operation: body) { self.stop() }
    }

    /// Sleeps until a wake, or until `seconds` have passed, if there are any; until the signal is stopped, or the task is
    /// cancelled.
    public func sleepUntilWoken(atMostSeconds seconds: Double? = nil) async {
        if let seconds {
            await sleep(seconds: seconds, heedsWakes: true)
        } else {
            await signalled(heedsWakes: true)
        }
        state.withLock { $0.isWoken = false }
    }

    /// Sleeps until `seconds` have passed, the signal is stopped, or the task is cancelled. Wakes wait.
    public func sleep(seconds: Double) async {
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
            state.withLock { $0.sleeper.take() }?.resume()
        }
    }
}
