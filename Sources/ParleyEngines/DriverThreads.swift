import Foundation
public import ParleyCore
import Synchronization

/// A bounded pool of operating system threads for a driver that blocks, each with a connection of its own, so that neither
/// the cooperative pool nor an event loop ever waits for an engine.
///
/// A connection is made on its thread, when there is first something for it to do, is used by that thread alone, and is let
/// go of on it. Calls are taken in the order in which they came by whichever thread is free; calls that depend on each
/// other's order must be awaited one after the other.
public final class DriverThreads<Connection>: Sendable {
    private struct Job: Sendable {
        /// When it has waited too long.
        let deadline: ContinuousClock.Instant
        let carryOut: @Sendable (Connection) -> Void
        let refuse: @Sendable (StoreError) -> Void
    }

    private struct State {
        /// Oldest last, newly come ones apart: taking one never moves the others.
        var jobs: [Job] = []
        var arrived: [Job] = []
        /// For one thread each, by its number.
        var visits: [Int: [Job]] = [:]
        /// Threads that have made their connection.
        var connected: Set<Int> = []
        var waiting = 0
        var running = 0
        var isClosed = false

        mutating func next(of thread: Int) -> Job? {
            if var own = visits.removeValue(forKey: thread) {
                waiting -= 1
                defer { if !own.isEmpty { visits[thread] = own } }
                return own.removeFirst()
            }
            if jobs.isEmpty {
                jobs = arrived.reversed()
                arrived = []
            }
            guard let job = jobs.popLast() else { return nil }
            waiting -= 1
            return job
        }
    }

    private let name: String
    private let maxWaiting: Int
    private let maxWaitSeconds: Double
    private let make: @Sendable () -> Connection
    private let state = Mutex(State())
    private let changed = NSCondition()

    /// - Parameters:
    ///   - name: Of the engine, in lower case: it stands in errors and is the threads' name.
    ///   - count: Threads, and so connections.
    ///   - maxWaiting: Calls that may wait for a thread; one more is refused.
    ///   - maxWaitSeconds: How long a call may have waited when a thread takes it; one that has waited longer is refused. So an
    ///     engine that comes back is not busy with calls whose callers have long given up.
    ///   - make: Makes a thread's connection. It must not wait for the engine: connecting is a part of the first call.
    public init(
        name: String, count: Int, maxWaiting: Int, maxWaitSeconds: Double = 10, make: @escaping @Sendable () -> Connection
    ) {
        self.name = name
        self.maxWaiting = maxWaiting
        self.maxWaitSeconds = maxWaitSeconds
        self.make = make
        state.withLock { $0.running = count }
        for number in 0..<count {
            let thread = Thread { self.work(number) }
            thread.name = "\(name)-\(number)"
            thread.start()
        }
    }

    /// Runs `body` on one of the threads. Throws `unavailable` when too many calls wait, this one has waited too long, or the
    /// threads have been closed; nothing was done then.
    public func run<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            start(body) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    /// Runs `body` on each thread that has made its connection, when it is done with the call that it is at. Throws the first of
    /// the errors, if there are any, when all are done.
    public func runOnEach(_ body: @escaping @Sendable (Connection) throws(StoreError) -> Void) async throws(StoreError) {
        let results = await withTaskGroup(of: Result<Void, StoreError>.self, returning: [Result<Void, StoreError>].self) { group in
            for thread in state.withLock({ $0.connected }) {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        self.start(on: thread, body) { continuation.resume(returning: $0) }
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        for result in results { try result.get() }
    }

    /// The same for a caller that may block: a thread of another engine's pool, whose call needs this engine too. Two pools
    /// that wait for each other's threads would stand still, so only one of them may call the other, and none itself.
    public func runBlocking<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        let answer = Mutex<Result<Value, StoreError>>(.failure(.unexpected("\(name): a call ended without an answer")))
        let isDone = DispatchSemaphore(value: 0)
        start(body) { result in
            answer.withLock { $0 = result }
            isDone.signal()
        }
        isDone.wait()
        return try answer.withLock { $0 }.get()
    }

    /// `finish` is called once, on whatever thread.
    /// - Parameter thread: Nil for whichever is free.
    private func start<Value: Sendable>(
        on thread: Int? = nil,
        _ body: @escaping @Sendable (Connection) throws(StoreError) -> Value,
        _ finish: @escaping @Sendable (Result<Value, StoreError>) -> Void
    ) {
        let job = Job(deadline: .now + .seconds(maxWaitSeconds)) { connection in
            do throws(StoreError) {
                finish(.success(try body(connection)))
            } catch {
                finish(.failure(error))
            }
        } refuse: { refusal in
            finish(.failure(refusal))
        }
        if let refusal = submit(job, to: thread) { job.refuse(refusal) }
    }

    private func submit(_ job: Job, to thread: Int?) -> StoreError? {
        let refusal = state.withLock { state -> StoreError? in
            guard !state.isClosed else { return .unavailable("\(name): the connections are closed") }
            guard state.waiting < maxWaiting else { return .unavailable("\(name): \(maxWaiting) calls are waiting already") }
            if let thread { state.visits[thread, default: []].append(job) } else { state.arrived.append(job) }
            state.waiting += 1
            return nil
        }
        if refusal == nil { signal { thread == nil ? $0.signal() : $0.broadcast() } }
        return refusal
    }

    /// Takes no more calls, lets those that were taken finish, and returns when all threads have let go of their
    /// connections. It blocks: not for tasks and event loops. A second call does nothing.
    public func close() {
        state.withLock { $0.isClosed = true }
        changed.lock()
        changed.broadcast()
        while state.withLock({ $0.running > 0 }) { changed.wait() }
        changed.unlock()
    }

    /// Calls that wait for a thread.
    public var waiting: Int { state.withLock { $0.waiting } }

    private func signal(_ body: (NSCondition) -> Void) {
        changed.lock()
        body(changed)
        changed.unlock()
    }

    private func work(_ number: Int) {
        var connection: Connection?
        while let job = nextJob(of: number) {
            guard .now < job.deadline else {
                job.refuse(.unavailable("\(name): no connection was free for \(maxWaitSeconds) s"))
                continue
            }
            let used = connection ?? make()
            if connection == nil { state.withLock { _ = $0.connected.insert(number) } }
            connection = used
            job.carryOut(used)
        }
        connection = nil
        state.withLock { $0.running -= 1 }
        signal { $0.broadcast() }
    }

    /// Waits for one; nil when there will be none.
    private func nextJob(of thread: Int) -> Job? {
        changed.lock()
        defer { changed.unlock() }
        while true {
            let (job, isClosed) = state.withLock { ($0.next(of: thread), $0.isClosed) }
            if let job { return job }
            if isClosed { return nil }
            changed.wait()
        }
    }
}
