import Foundation
import ParleyCore
import ParleyEngines
import Synchronization
import Testing

@Suite(.timeLimit(.minutes(5)))
struct DriverThreadsTests {
    /// Says which thread it was made on and used on.
    private final class Connection {
        let thread = Thread.current
        var isOnItsThread: Bool { Thread.current === thread }
    }

    @Test func `each connection is used on the thread that made it`() async throws {
        let threads = DriverThreads(name: "test", count: 3, maxWaiting: 1000) { Connection() }
        let used = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<300 { group.addTask { (try? await threads.run { $0.isOnItsThread }) ?? false } }
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(used == 300)
        await onOwnThread { threads.close() }
    }

    @Test func `each connection that was made is visited once, on its own thread, after the call that its thread is at`() async throws {
        let threads = DriverThreads(name: "test", count: 4, maxWaiting: 1000) { Connection() }
        try await threads.runOnEach { _ in Issue.record("no connection was made yet") }
        let gates = (0..<2).map { _ in DispatchSemaphore(value: 0) }
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        async let calls: Void = withThrowingTaskGroup(of: Void.self) { group in
            for gate in gates {
                group.addTask {
                    try await threads.run { _ in
                        start.yield()
                        gate.wait()
                    }
                }
            }
            try await group.waitForAll()
        }
        var begun = started.makeAsyncIterator()
        for _ in gates { await begun.next() }
        let visited = Mutex<[ObjectIdentifier]>([])
        async let visits: Void = threads.runOnEach { connection in
            #expect(connection.isOnItsThread)
            visited.withLock { $0.append(ObjectIdentifier(connection.thread)) }
        }
        while threads.waiting < 2 { await Task.yield() }
        #expect(visited.withLock { $0.isEmpty })
        for gate in gates { gate.signal() }
        try await calls
        try await visits
        #expect(visited.withLock { Set($0).count == 2 && $0.count == 2 })
        await #expect(throws: StoreError.unavailable("gone")) {
            try await threads.runOnEach { _ throws(StoreError) in throw .unavailable("gone") }
        }
        await onOwnThread { threads.close() }
    }

    @Test func `calls beyond the bound are refused, and the others done`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let threads = DriverThreads(name: "test", count: 1, maxWaiting: 2) { Connection() }
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        async let blocked: Void = threads.run { _ in
            start.yield()
            gate.wait()
        }
        for await _ in started { break }
        async let first = threads.run { _ in 1 }
        async let second = threads.run { _ in 2 }
        while threads.waiting < 2 { await Task.yield() }
        await #expect(throws: StoreError.unavailable("test: 2 calls are waiting already")) { try await threads.run { _ in 3 } }
        gate.signal()
        try await blocked
        #expect(try await [first, second].sorted() == [1, 2])
        await onOwnThread { threads.close() }
    }

    @Test func `a call that has waited too long is refused, and not done`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let threads = DriverThreads(name: "test", count: 1, maxWaiting: 100, maxWaitSeconds: 0.1) { Connection() }
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        async let blocked: Void = threads.run { _ in
            start.yield()
            gate.wait()
        }
        for await _ in started { break }
        let isDone = Mutex(false)
        let late = Task { try await threads.run { _ in isDone.withLock { $0 = true } } }
        while threads.waiting < 1 { await Task.yield() }
        try await Task.sleep(for: .seconds(0.15))
        gate.signal()
        try await blocked
        await #expect(throws: StoreError.unavailable("test: no connection was free for 0.1 s")) { try await late.value }
        #expect(!isDone.withLock { $0 })
        #expect(try await threads.run { _ in "in time" } == "in time")
        await onOwnThread { threads.close() }
    }

    @Test func `what was taken is done before the threads are closed, and nothing is taken after it`() async throws {
        let gate = DispatchSemaphore(value: 0)
        let threads = DriverThreads(name: "test", count: 1, maxWaiting: 100) { Connection() }
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        async let blocked: Void = threads.run { _ in
            start.yield()
            gate.wait()
        }
        for await _ in started { break }
        async let taken = threads.run { _ in "done" }
        while threads.waiting < 1 { await Task.yield() }
        async let closed: Void = onOwnThread { threads.close() }
        gate.signal()
        try await blocked
        #expect(try await taken == "done")
        await closed
        await #expect(throws: StoreError.unavailable("test: the connections are closed")) { try await threads.run { _ in } }
    }

    @Test func `a thread of one pool may wait for another pool, and gets its answer or error`() async throws {
        let outer = DriverThreads(name: "outer", count: 2, maxWaiting: 1000) { Connection() }
        let inner = DriverThreads(name: "inner", count: 1, maxWaiting: 1000) { Connection() }
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 1...100 {
                group.addTask {
                    try await outer.run { _ throws(StoreError) in try inner.runBlocking { $0.isOnItsThread ? number : 0 } }
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 5050)
        await onOwnThread { inner.close() }
        await #expect(throws: StoreError.unavailable("inner: the connections are closed")) {
            try await outer.run { _ throws(StoreError) in try inner.runBlocking { _ in } }
        }
        await onOwnThread { outer.close() }
    }

    @Test func `an error of the driver is the caller's`() async throws {
        let threads = DriverThreads(name: "test", count: 1, maxWaiting: 1) { Connection() }
        await #expect(throws: StoreError.outcomeUnknown("lost")) {
            try await threads.run { _ throws(StoreError) -> Int in throw StoreError.outcomeUnknown("lost") }
        }
        await onOwnThread { threads.close() }
    }
}

struct BackoffTests {
    @Test func `waits double up to the longest, and begin anew when it worked`() {
        var backoff = Backoff(first: 0.1, longest: 5)
        for due in [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5, 5, 5] {
            let seconds = backoff.next()
            #expect(seconds >= due / 2 && seconds <= due)
        }
        backoff.reset()
        #expect(backoff.next() <= 0.1)
    }
}
