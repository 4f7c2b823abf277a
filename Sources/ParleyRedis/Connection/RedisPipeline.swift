import Foundation
import Logging
import ParleyCore
import Synchronization

/// A connection on a thread of its own that sends what many tasks ask for in one go: while one flight of commands is on its
/// way, the next gathers. Calls are answered in the order in which they came, and reach the server in it.
///
/// Without the server nobody waits: after the first failure calls are refused at once, while the thread tries to
/// connect, until it could.
final class RedisPipeline: Sendable {
    /// Makes a call's commands when its turn comes, so that they say what is so then.
    typealias Commands = @Sendable () -> [RedisCommand]

    /// A flight ends with the call that brings it to that many commands.
    private static let maxFlight = 1000

    private struct Call {
        let weight: Int
        let commands: Commands
        let answer: @Sendable (Result<[RedisReply], StoreError>) -> Void
    }

    private struct State {
        var calls: [Call] = []
        var waiting = 0
        /// Why calls are refused; nil while they are taken.
        var refusal: StoreError?
        var isClosed = false
        var isRunning = true
    }

    private let maxWaiting: Int
    private let state = Mutex(State())
    private let changed = NSCondition()
    private let outage: OutageLog
    private let repair: Commands

    /// Starts the thread, which connects at once; calls wait for that first try.
    ///
    /// - Parameters:
    ///   - name: The thread's, and the connection's in the server's list.
    ///   - repair: Sent first each time the server is reached again; what it answers is not looked at.
    init(_ configuration: RedisConfiguration, name: String, logger: Logger, repair: @escaping Commands = { [] }) {
        self.repair = repair
        maxWaiting = configuration.maxWaitingCommands
        outage = OutageLog(logger, connection: name)
        let thread = Thread { self.work(RedisConnection(configuration, name: name)) }
        thread.name = name
        thread.start()
    }

    /// The replies, in the order of the commands; those that are errors too. Throws `unavailable` when they did not
    /// all come: they may or may not have been carried out then.
    ///
    /// - Parameter weight: How many commands it will be, about.
    func run(weight: Int, _ commands: @escaping Commands) async throws(StoreError) -> [RedisReply] {
        let result = await withCheckedContinuation { continuation in
            submit(Call(weight: max(1, weight), commands: commands) { continuation.resume(returning: $0) })
        }
        return try result.get()
    }

    /// Throws when the server does not answer, or not us.
    func probe() async throws(StoreError) {
        _ = try await run(weight: 1) { [RedisCommand("PING")] }.first?.checked()
    }

    /// Takes no more calls, answers those that were taken, and returns when the connection is closed. It blocks: not for tasks and
    /// event loops.
    func close() {
        state.withLock { $0.isClosed = true }
        changed.lock()
        changed.broadcast()
        while state.withLock({ $0.isRunning }) { changed.wait() }
        changed.unlock()
    }

    private func submit(_ call: Call) {
        let (refusal, isFirst) = state.withLock { state -> (StoreError?, Bool) in
            if state.isClosed { return (.unavailable("redis: the connection is closed"), false) }
            if let refusal = state.refusal { return (refusal, false) }
            if state.waiting >= maxWaiting { return (.unavailable("redis: \(maxWaiting) commands are waiting already"), false) }
            state.calls.append(call)
            state.waiting += call.weight
            return (nil, state.calls.count == 1)
        }
        if let refusal { return call.answer(.failure(refusal)) }
        guard isFirst else { return }
        changed.lock()
        changed.broadcast()
        changed.unlock()
    }

    // MARK: On the thread

    private func work(_ connection: RedisConnection) {
        reconnect(connection)
        var repaired = connection.connects
        while let flight = nextFlight(connection) {
            if flight.isEmpty { reconnect(connection) } else { send(flight, connection, repaired) }
            repaired = connection.connects
        }
        connection.close()
        state.withLock { $0.isRunning = false }
        changed.lock()
        changed.broadcast()
        changed.unlock()
    }

    /// Waits for calls, and takes some; empty when it is time to connect again, nil at the end.
    private func nextFlight(_ connection: RedisConnection) -> [Call]? {
        changed.lock()
        defer { changed.unlock() }
        while true {
            let (flight, isDown, isClosed) = state.withLock { (Self.take(&$0), $0.refusal != nil, $0.isClosed) }
            if !flight.isEmpty { return flight }
            if isClosed { return nil }
            guard isDown else {
                changed.wait()
                continue
            }
            let pause = connection.retryAt - .now
            if pause <= .zero { return [] }
            _ = changed.wait(until: Date(timeIntervalSinceNow: pause / .seconds(1)))
        }
    }

    private static func take(_ state: inout State) -> [Call] {
        var weight = 0
        let end = state.calls.firstIndex { call in
            defer { weight += call.weight }
            return weight >= maxFlight
        }
        guard let end else {
            defer { state.calls = [] }
            state.waiting = 0
            return state.calls
        }
        defer { state.calls.removeFirst(end) }
        state.waiting -= weight - state.calls[end].weight
        return Array(state.calls[..<end])
    }

    /// `repaired` is how often a connection was made until the server was last told what `repair` makes. A connection that
    /// was found closed is made anew on the way: perhaps by a server that has started anew.
    private func send(_ flight: [Call], _ connection: RedisConnection, _ repaired: Int) {
        var commands: [RedisCommand] = []
        var ends: [Int] = []
        for call in flight {
            commands += call.commands()
            ends.append(commands.count)
        }
        do throws(StoreError) {
            let replies = try connection.run(commands)
            var start = 0
            for (call, end) in zip(flight, ends) {
                call.answer(.success(Array(replies[start..<end])))
                start = end
            }
        } catch {
            refuseAll(error)
            for call in flight { call.answer(.failure(error)) }
            return
        }
        guard connection.connects != repaired else { return }
        do throws(StoreError) { _ = try connection.run(repair()) } catch { refuseAll(error) }
    }

    private func reconnect(_ connection: RedisConnection) {
        let wasDown = state.withLock { $0.refusal != nil }
        do throws(StoreError) {
            try connection.connect()
            if wasDown { _ = try connection.run(repair()) }
        } catch {
            return refuseAll(error)
        }
        guard wasDown else { return }
        state.withLock { $0.refusal = nil }
        outage.ended()
    }

    private func refuseAll(_ error: StoreError) {
        let calls = state.withLock { state in
            defer { (state.calls, state.waiting) = ([], 0) }
            state.refusal = error
            return state.calls
        }
        outage.noticed(error)
        for call in calls { call.answer(.failure(error)) }
    }
}
