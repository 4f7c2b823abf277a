import Synchronization
public import Testing

/// Lets few of the tests that have this trait run at once, whatever suites they are in: each works a real server and its own
/// connections, and all of them together would leave the other tests no time.
public struct EngineTurns: SuiteTrait, TestTrait, TestScoping {
    /// How many: they mostly wait for their servers.
    private static let turns = Turns(3)

    /// Of a suite, it holds for each of its tests.
    public var isRecursive: Bool { true }

    /// Waits for a turn, and runs one case of a test.
    public func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await Self.turns.take()
        defer { Self.turns.giveBack() }
        try await function()
    }
}

extension Trait where Self == EngineTurns {
    /// For tests against real servers.
    public static var engineTurns: Self { EngineTurns() }
}

/// Turns are given in the order in which they were asked for.
private final class Turns: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    init(_ count: Int) {
        state = Mutex(State(free: count))
    }

    func take() async {
        await withCheckedContinuation { continuation in
            let isFree = state.withLock { state in
                if state.free > 0 {
                    state.free -= 1
                    return true
                }
                state.waiting.append(continuation)
                return false
            }
            if isFree { continuation.resume() }
        }
    }

    func giveBack() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.free += 1
            return nil
        }
        next?.resume()
    }
}
