public import Foundation
import Synchronization

/// A program started by this one.
///
/// Not Foundation's `Process`. On Linux its `run` reads past the end of a buffer when it counts open files, and now and then the
/// whole process dies of it (https://github.com/swiftlang/swift-corelibs-foundation/pull/5472); and what it starts inherits
/// blocked and ignored signals, so that it could not be asked to end. Here a program starts with the default behaviour of
/// signals, nothing blocked, and no open file but the three named.
public final class ChildProcess: Sendable {
    private enum State {
        case running
        case ended(Int32)
    }

    public let id: pid_t
    private let state = Mutex(State.running)

    init(id: pid_t) {
        self.id = id
    }

    /// Returns when there is a process. Throws ``SpawnError`` when there is none.
    public static func start(_ program: Program) throws -> ChildProcess { ChildProcess(id: try program.spawn()) }

    /// False once the program has ended.
    public var isRunning: Bool { exitStatus == nil }

    /// Nil while the program runs. That of a shell: 128 and the signal's number for one that ended by a signal.
    public var exitStatus: Int32? {
        state.withLock { state in
            if case .ended(let status) = state { return status }
            var status: Int32 = 0
            guard waitpid(id, &status, WNOHANG) == id else { return nil }
            let signal = status & 0x7f
            let code = signal == 0 ? (status >> 8) & 0xff : 128 + signal
            state = .ended(code)
            return code
        }
    }

    /// Sends nothing to a program that has ended: its number may be another's by now.
    public func signal(_ signal: Int32) {
        state.withLock { state in
            if case .running = state { _ = Foundation.kill(id, signal) }
        }
    }

    // MARK: The end

    private static let termSeconds = 10.0
    private static let killSeconds = 5.0
    private static let pollInterval = Duration.milliseconds(20)

    /// Asks the program to end, and ends it when it does not. Does its work also when the caller is cancelled.
    public func end() async {
        // A task of its own, so that it may sleep.
        await Task {
            signal(SIGTERM)
            if await !hasEnded(withinSeconds: Self.termSeconds) { await kill() }
        }.value
    }

    /// Ends the program without asking it. Does its work also when the caller is cancelled.
    public func kill() async {
        await Task {
            signal(SIGKILL)
            _ = await hasEnded(withinSeconds: Self.killSeconds)
        }.value
    }

    /// Returns when the program has ended, with its exit status. It blocks: for threads of one's own.
    @discardableResult
    public func waitUntilExit() -> Int32 {
        while true {
            if let exitStatus { return exitStatus }
            usleep(1_000)
        }
    }

    private func hasEnded(withinSeconds seconds: Double) async -> Bool {
        let limit = ContinuousClock.now + .seconds(seconds)
        while isRunning, ContinuousClock.now < limit {
            try? await Task.sleep(for: Self.pollInterval)
        }
        return !isRunning
    }
}
