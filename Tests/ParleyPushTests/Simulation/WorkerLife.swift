import ParleyCore
import ParleyModel
import ParleyPush
import Synchronization

/// One run of a worker's process. When it dies, nothing that it does has an effect any more; what it has not written down by
/// then, nobody knows.
final class WorkerLife: Sendable {
    private struct State {
        /// Notifications until it dies; nil for a long life.
        var left: Int?
        var isDead = false
        var unsettled: Set<PushWorld.Alert> = []
    }

    private let state: Mutex<State>

    init(notifications: Int?) { state = Mutex(State(left: notifications)) }

    var isDead: Bool { state.withLock { $0.isDead } }
    var unsettled: Set<PushWorld.Alert> { state.withLock { $0.unsettled } }

    /// Right after a notification has arrived.
    func mayDie() {
        state.withLock { state in
            guard let left = state.left else { return }
            state.left = left - 1
            if left <= 1 { state.isDead = true }
        }
    }

    func delivered(_ alert: PushWorld.Alert) { state.withLock { _ = $0.unsettled.insert(alert) } }

    fileprivate func settled(_ keys: some Sequence<AlertKey>) {
        state.withLock { state in
            for key in keys {
                state.unsettled.remove(
                    PushWorld.Alert(phone: key.deviceID.index, conversation: key.messageID.conversation, number: key.messageID.number))
            }
        }
    }

    func requireAlive() throws(StoreError) {
        if isDead { throw .unavailable("dead") }
    }
}

/// A push service as a worker sees it while it lives.
struct SimulatedProvider: PushProvider {
    let name: String
    let deviceKinds: Set<DeviceKind>
    let takesReads: Bool
    let world: PushWorld
    let life: WorkerLife

    var deliversWithoutDevice: Bool { false }

    func send(_ notification: PushNotification) async -> PushAnswer {
        life.isDead ? .retry(after: nil, reason: "dead") : world.deliver(notification, life)
    }
}

/// A ledger as a worker sees it while it lives.
struct LivingLedger: PushLedger {
    let ledger: FakePushLedger
    let life: WorkerLife

    func claim(_ alerts: [IntendedAlert], until: Timestamp, at now: Timestamp) async throws(StoreError) -> [AlertKey: AlertClaim] {
        try life.requireAlive()
        return try await ledger.claim(alerts, until: until, at: now)
    }

    func settle(_ outcomes: [AlertKey: AlertOutcome], at now: Timestamp) async throws(StoreError) {
        try life.requireAlive()
        try await ledger.settle(outcomes, at: now)
        life.settled(outcomes.keys)
    }

    func leaseTakeBacks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [TakeBack] {
        try life.requireAlive()
        return try await ledger.leaseTakeBacks(limit: limit, seconds: seconds, at: now)
    }

    func finishTakeBacks(_ results: [(TakeBack, TakeBackResult)], at now: Timestamp) async throws(StoreError) {
        try life.requireAlive()
        try await ledger.finishTakeBacks(results, at: now)
    }

    func unreadTotals(of users: [UserID]) async throws(StoreError) -> [UserID: Int64] {
        try life.requireAlive()
        return try await ledger.unreadTotals(of: users)
    }

    func forgetAlerts(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int { throw notFaked }
}

/// A queue as a worker sees it while it lives.
struct LivingQueue: PushQueue {
    let queue: SimulatedQueue
    let life: WorkerLife

    func lease(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [LeasedPushJob] {
        try life.requireAlive()
        return try await queue.lease(limit: limit, seconds: seconds, at: now)
    }

    func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async throws(StoreError) {
        try life.requireAlive()
        try await queue.finish(results, at: now)
    }

    func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError) { throw notFaked }
    func deadLetters(limit: Int, after: PushJobID?) async throws(StoreError) -> [DeadPushJob] { throw notFaked }
    func replay(_ ids: [PushJobID]?, at now: Timestamp) async throws(StoreError) -> Int { throw notFaked }
    func depth() async throws(StoreError) -> PushQueueDepth { throw notFaked }
}

/// Keeps jobs as a broker does: a job may be handed out twice, at once or after it was finished.
final class SimulatedQueue: PushQueue {
    private struct Entry {
        var job: PushJob
        var dueAt: Timestamp
        var attempt = 0
    }

    private struct State {
        var entries: [PushJobID: Entry] = [:]
        var dead: [PushJob] = []
        var lastID: Int64 = 0
        var repeats: Chance
        var diedCount = 0

        mutating func add(_ job: PushJob, at now: Timestamp) {
            lastID += 1
            entries[PushJobID(lastID)] = Entry(job: job, dueAt: now)
        }
    }

    private let state = Mutex(State(repeats: Chance(1)))

    var isEmpty: Bool { state.withLock { $0.entries.isEmpty } }
    var diedCount: Int { state.withLock { $0.diedCount } }
    var nextDue: Timestamp? { state.withLock { $0.entries.values.map(\.dueAt).min() } }

    func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError) {
        state.withLock { state in
            for job in jobs {
                state.add(job, at: now)
                if state.repeats.happens(0.03) { state.add(job, at: now) }
            }
        }
    }

    func lease(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [LeasedPushJob] {
        state.withLock { state in
            let due = state.entries.filter { $0.value.dueAt <= now }.keys.sorted { $0.value < $1.value }.prefix(limit)
            return due.compactMap { id in
                guard var entry = state.entries[id] else { return nil }
                entry.attempt += 1
                entry.dueAt = now.advanced(bySeconds: seconds)
                state.entries[id] = entry
                return LeasedPushJob(id: id, job: entry.job, attempt: entry.attempt)
            }
        }
    }

    func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async throws(StoreError) {
        state.withLock { state in
            for (id, result) in results.sorted(by: { $0.key.value < $1.key.value }) {
                guard var entry = state.entries[id] else { continue }
                switch result {
                case .done:
                    state.entries[id] = nil
                    if state.repeats.happens(0.03) { state.add(entry.job, at: now) }
                case .retry(let seconds, let recipients, _):
                    entry.job = entry.job.addressed(to: recipients)
                    entry.dueAt = now.advanced(bySeconds: seconds)
                    state.entries[id] = entry
                case .returned(let seconds, let recipients):
                    if let recipients { entry.job = entry.job.addressed(to: recipients) }
                    entry.attempt -= 1
                    entry.dueAt = now.advanced(bySeconds: seconds)
                    state.entries[id] = entry
                case .dead(let recipients, _):
                    state.entries[id] = nil
                    state.dead.append(entry.job.addressed(to: recipients))
                    state.diedCount += 1
                }
            }
        }
    }

    func replay(_ ids: [PushJobID]?, at now: Timestamp) async throws(StoreError) -> Int {
        state.withLock { state in
            for job in state.dead { state.add(job, at: now) }
            defer { state.dead = [] }
            return state.dead.count
        }
    }

    func deadLetters(limit: Int, after: PushJobID?) async throws(StoreError) -> [DeadPushJob] { throw notFaked }
    func depth() async throws(StoreError) -> PushQueueDepth { throw notFaked }
}
