public import Logging
public import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Writes down who sits at this node's connections, and who does not any more, for ``SecondLooks``.
///
/// An arrival is written down before it counts, so that also whoever sits at a node that is killed is known; all that come together
/// share a write. Nobody waits for departures. While the store is down arrivals go on, and are written when it is back. Before
/// anything else the attendances end that an earlier run of the same node has left.
public final class AttendanceKeeper: Service {
    public struct Configuration: Sendable {
        /// Seconds from the end to the second look: whoever changes networks, or trains, is back by then.
        public var delaySeconds = 60.0
        /// An attendance is said to have begun that much earlier: jobs that were waiting when the user came have been dropped since.
        public var marginSeconds = 600.0
        /// Users written at once.
        public var maxBatch = 1_000
        /// Seconds before what could not be written is tried again.
        public var pauseSeconds = 1.0

        public init() {}
    }

    private struct Attendance {
        var connections = 0
        let since: Timestamp
        var seenUntil: Timestamp
    }

    private struct State {
        /// Of users who are here, or whose end is not written yet.
        var attendances: [UserID: Attendance] = [:]
        /// Users of whom something is not written.
        var unwritten: Set<UserID> = []
        var beingWritten: Set<UserID> = []
        var arrivals: [CheckedContinuation<Void, Never>] = []
        var arrivalsBeingWritten: [CheckedContinuation<Void, Never>] = []
        var hasEndedEarlier = false
        var isStopped = false
    }

    private let store: any AttendanceStore
    private let node: NodeID
    private let timeSource: any TimeSource
    private let configuration: Configuration
    private let logger: Logger
    private let state = Mutex(State())
    private let signal = WakeSignal()

    /// - Parameter node: A run of a node's, or ``NodeID/only``.
    public init(
        _ store: any AttendanceStore, node: NodeID, timeSource: any TimeSource, configuration: Configuration = .init(), logger: Logger
    ) {
        self.store = store
        self.node = node
        self.timeSource = timeSource
        self.configuration = configuration
        self.logger = logger
    }

    // MARK: Telling

    /// Somebody sits at one more connection of the user's. Returns when that is written, or could not be.
    public func arrived(_ user: UserID) async {
        let since = timeSource.now().advanced(bySeconds: -configuration.marginSeconds)
        await withCheckedContinuation { continuation in
            let isWaiting = state.withLock { state in
                let isFirst = state.attendances[user].map { $0.connections == 0 } ?? true
                state.attendances[user, default: Attendance(since: since, seenUntil: since)].connections += 1
                guard !state.isStopped else { return false }
                if isFirst { state.unwritten.insert(user) }
                if state.unwritten.contains(user) {
                    state.arrivals.append(continuation)
                } else if state.beingWritten.contains(user) {
                    state.arrivalsBeingWritten.append(continuation)
                } else {
                    return false
                }
                return true
            }
            if isWaiting { signal.wake() } else { continuation.resume() }
        }
    }

    /// Nobody sits any more at a connection of the user's that had arrived; what was delivered before `time` has been seen.
    public func left(_ user: UserID, seenUntil time: Timestamp) {
        let isLast = state.withLock { state in
            guard var attendance = state.attendances[user], attendance.connections > 0 else { return false }
            attendance.connections -= 1
            attendance.seenUntil = max(attendance.seenUntil, time)
            state.attendances[user] = attendance
            if attendance.connections == 0 { state.unwritten.insert(user) }
            return attendance.connections == 0
        }
        if isLast { signal.wake() }
    }

    // MARK: Writing

    /// Writes until graceful shutdown, by when all connections must have ended; then the last ends.
    public func run() async throws {
        await signal.stoppingAtShutdown {
            while !signal.isStopped {
                let isClear = await endEarlier()
                // Also where that failed: whoever arrives is not to wait for the store to come back.
                if await write(), isClear {
                    await signal.sleepUntilWoken()
                } else {
                    await signal.sleep(seconds: configuration.pauseSeconds)
                }
            }
        }
        state.withLock { $0.isStopped = true }
        await write()
        if await !endAll() { logger.warning("attendances of this node end when its lease does") }
    }

    private var dueAt: Timestamp { timeSource.now().advanced(bySeconds: configuration.delaySeconds) }

    /// True when everything is written.
    @discardableResult
    func write() async -> Bool {
        while true {
            let users = begin()
            if users.isEmpty { return true }
            let isWritten = await endEarlier() ? await write(users) : false
            for waiting in end(users, isWritten: isWritten) { waiting.resume() }
            if !isWritten { return false }
        }
    }

    private func endEarlier() async -> Bool {
        if state.withLock({ $0.hasEndedEarlier }) { return true }
        guard await endAll() else { return false }
        state.withLock { $0.hasEndedEarlier = true }
        return true
    }

    private func endAll() async -> Bool {
        do throws(StoreError) {
            try await store.ended(node: node, dueAt: dueAt)
            return true
        } catch {
            logger.warning("attendances could not be ended", metadata: ["error": "\(error)"])
            return false
        }
    }

    private func begin() -> [UserID: Attendance] {
        state.withLock { state in
            let users =
                state.unwritten.count <= configuration.maxBatch ? state.unwritten : Set(state.unwritten.prefix(configuration.maxBatch))
            state.unwritten.subtract(users)
            state.beingWritten = users
            // Those who wait for users of the next batch wait no longer than for this one when it fails.
            if state.unwritten.isEmpty {
                state.arrivalsBeingWritten += state.arrivals
                state.arrivals = []
            }
            return state.attendances.filter { users.contains($0.key) }
        }
    }

    private func write(_ users: [UserID: Attendance]) async -> Bool {
        let here = users.filter { $0.value.connections > 0 }
        let gone = users.filter { $0.value.connections == 0 }
        do throws(StoreError) {
            if let since = here.values.map(\.since).min() { try await store.began(Array(here.keys), at: node, since: since) }
            if !gone.isEmpty {
                let ends = gone.map { EndedAttendance(userID: $0.key, since: $0.value.since, seenUntil: $0.value.seenUntil) }
                try await store.ended(ends, at: node, dueAt: dueAt)
            }
            return true
        } catch {
            logger.warning("attendances could not be written", metadata: ["users": "\(users.count)", "error": "\(error)"])
            return false
        }
    }

    private func end(_ users: [UserID: Attendance], isWritten: Bool) -> [CheckedContinuation<Void, Never>] {
        state.withLock { state in
            state.beingWritten = []
            if isWritten {
                for user in users.keys where state.attendances[user]?.connections == 0 && !state.unwritten.contains(user) {
                    state.attendances[user] = nil
                }
            } else {
                state.unwritten.formUnion(users.keys)
            }
            var waiting = state.arrivalsBeingWritten
            state.arrivalsBeingWritten = []
            if !isWritten {
                waiting += state.arrivals
                state.arrivals = []
            }
            return waiting
        }
    }
}
