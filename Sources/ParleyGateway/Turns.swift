import Synchronization

/// Lets a few at once do something, the others in the order in which they came.
///
/// When thousands of clients come back together, each wants its token checked and its conversations read. All at once they
/// would fill the queues of the store and of Swift's pool, and everybody else, a message that is sent or a health check,
/// would wait behind them.
final class Turns: Sendable {
    private struct State {
        var free: Int
        /// Oldest last, newly come ones apart: giving one a turn never moves the others.
        var next: [CheckedContinuation<Void, Never>] = []
        var arrived: [CheckedContinuation<Void, Never>] = []

        mutating func pop() -> CheckedContinuation<Void, Never>? {
            if next.isEmpty {
                next = arrived.reversed()
                arrived = []
            }
            return next.popLast()
        }
    }

    private let state: Mutex<State>

    init(_ count: Int) {
        state = Mutex(State(free: count))
    }

    /// Waits for a turn, without bound: whoever waits is bounded by the connections. A turn that is given is used, also by
    /// a task that was cancelled meanwhile.
    func take<Value, Failure: Error>(
        _ body: () async throws(Failure) -> sending Value, isolation: isolated (any Actor)? = #isolation
    ) async throws(Failure) -> sending Value {
        await withCheckedContinuation { continuation in
            let isMine = state.withLock { state in
                guard state.free == 0 else {
                    state.free -= 1
                    return true
                }
                state.arrived.append(continuation)
                return false
            }
            if isMine { continuation.resume() }
        }
        defer { pass() }
        return try await body()
    }

    /// How many wait.
    var waitingCount: Int { state.withLock { $0.next.count + $0.arrived.count } }

    private func pass() {
        state.withLock { state in
            let next = state.pop()
            if next == nil { state.free += 1 }
            return next
        }?.resume()
    }
}
