import ParleyCore
import ParleyModel
import Synchronization
import Testing

@testable import ParleyGateway

@Suite(.timeLimit(.minutes(1)))
struct NewestNumbersTests {
    /// Answers when it is let, and remembers what it was asked.
    private final class Store: Sendable {
        private let state = Mutex((asked: [Int64](), held: [CheckedContinuation<Void, Never>]()))
        private let failure: StoreError?

        init(failure: StoreError? = nil) {
            self.failure = failure
        }

        var asked: [Int64] { state.withLock { $0.asked } }

        func heads(after mark: ActivityMark) async throws(StoreError) -> ActivityHeads {
            await withCheckedContinuation { continuation in
                state.withLock { state in
                    state.asked.append(mark.value)
                    state.held.append(continuation)
                }
            }
            if let failure { throw failure }
            return ActivityHeads(mark: mark, sequences: [:])
        }

        /// Waits for the question and answers it.
        func answer() async {
            while true {
                if let held = state.withLock({ $0.held.popLast() }) { return held.resume() }
                await Task.yield()
            }
        }

        func asked(_ count: Int) async {
            while asked.count < count { await Task.yield() }
        }
    }

    private final class Taught: Sendable {
        private let marks = Mutex<[Int64]>([])
        var all: [Int64] { marks.withLock { $0 } }
        func note(_ heads: ActivityHeads) { marks.withLock { $0.append(heads.mark.value) } }
    }

    private func numbers(_ store: Store) -> NewestNumbers {
        NewestNumbers { mark async throws(StoreError) in try await store.heads(after: mark) }
    }

    @Test func `all who come during a read are served by the next one, from the oldest mark`() async throws {
        let (store, taught) = (Store(), Taught())
        let numbers = numbers(store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await numbers.read(after: ActivityMark(1), taught.note) }
            await store.asked(1)
            for mark in 5...104 { group.addTask { try await numbers.read(after: ActivityMark(Int64(mark)), taught.note) } }
            while await numbers.waitingCount < 100 { await Task.yield() }
            #expect(store.asked == [1], "nobody asks while another's question is open")
            await store.answer()
            await store.answer()
            try await group.waitForAll()
        }
        #expect(store.asked == [1, 5])
        #expect(taught.all == [1, 5], "each answer is taught once")
    }

    @Test func `who comes after an answer asks anew`() async throws {
        let (store, taught) = (Store(), Taught())
        let numbers = numbers(store)
        for mark: Int64 in [3, 3] {
            async let done: Void = numbers.read(after: ActivityMark(mark), taught.note)
            await store.answer()
            try await done
        }
        #expect(store.asked == [3, 3])
    }

    @Test func `a failure is everybody's, and teaches nothing`() async {
        let (store, taught) = (Store(failure: .unavailable("closed")), Taught())
        let numbers = numbers(store)
        let failures = await withTaskGroup(of: Bool.self) { group in
            func add(_ mark: Int64) {
                group.addTask {
                    do throws(StoreError) { try await numbers.read(after: ActivityMark(mark), taught.note) } catch { return true }
                    return false
                }
            }
            add(1)
            await store.asked(1)
            add(2)
            add(3)
            while await numbers.waitingCount < 2 { await Task.yield() }
            await store.answer()
            await store.answer()
            return await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
        }
        #expect(failures == 3)
        #expect(taught.all.isEmpty)
    }

    @Test func `who is cancelled while asking does not fail the others`() async throws {
        let (store, taught) = (Store(), Taught())
        let numbers = NewestNumbers { mark async throws(StoreError) in
            let heads = try await store.heads(after: mark)
            if Task.isCancelled { throw .unavailable("cancelled") }
            return heads
        }
        let first = Task { try await numbers.read(after: ActivityMark(1), taught.note) }
        await store.asked(1)
        let leader = Task { try await numbers.read(after: ActivityMark(2), taught.note) }
        while await numbers.waitingCount < 1 { await Task.yield() }
        let follower = Task { try await numbers.read(after: ActivityMark(3), taught.note) }
        while await numbers.waitingCount < 2 { await Task.yield() }
        await store.answer()
        try await first.value
        await store.asked(2)
        leader.cancel()
        await store.answer()
        try await follower.value
        #expect(taught.all == [1, 2])
    }
}
