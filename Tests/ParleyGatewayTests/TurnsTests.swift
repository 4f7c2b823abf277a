import Synchronization
import Testing

@testable import ParleyGateway

@Suite(.timeLimit(.minutes(1)))
struct TurnsTests {
    private final class Watch: Sendable {
        private let counts = Mutex((now: 0, most: 0))
        var most: Int { counts.withLock { $0.most } }

        func enter() {
            counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
        }

        func leave() { counts.withLock { $0.now -= 1 } }
    }

    private final class Order: Sendable {
        private let numbers = Mutex([Int]())
        var noted: [Int] { numbers.withLock { $0 } }
        func note(_ number: Int) { numbers.withLock { $0.append(number) } }
    }

    private struct Failed: Error {}

    @Test func `everybody gets a turn, and never more at once than there are`() async {
        let (turns, watch) = (Turns(3), Watch())
        let done = await withTaskGroup(of: Int.self) { group in
            for number in 0..<500 {
                group.addTask {
                    do throws(Failed) {
                        try await turns.take { () async throws(Failed) in
                            watch.enter()
                            await Task.yield()
                            watch.leave()
                            if number.isMultiple(of: 7) { throw Failed() }
                        }
                    } catch {}
                    return 1
                }
            }
            return await group.reduce(0, +)
        }
        #expect(done == 500)
        #expect((1...3).contains(watch.most))
    }

    @Test func `those who wait get their turns in the order in which they came`() async {
        let turns = Turns(1)
        let order = Order()
        let (started, start) = AsyncStream.makeStream(of: Void.self)
        let (gate, open) = AsyncStream.makeStream(of: Void.self)
        async let first: Void = turns.take {
            start.finish()
            for await _ in gate {}
        }
        for await _ in started {}
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask { await turns.take { order.note(number) } }
                while turns.waitingCount <= number { await Task.yield() }
            }
            open.finish()
        }
        await first
        #expect(order.noted == Array(0..<20))
    }
}
