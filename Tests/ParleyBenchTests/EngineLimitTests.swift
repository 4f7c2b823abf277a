import Synchronization
import Testing

@testable import ParleyBench

struct EngineLimitTests {
    @Test func `each caller calls in turn, and the rate is of what the calls did`() async throws {
        let calls = Mutex<[Int: Int]>([:])
        let limit = EngineLimit("a limit", callers: 3, perCall: 10) { caller in
            calls.withLock { $0[caller, default: 0] += 1 }
            try await Task.sleep(for: .milliseconds(5))
        }
        let sample = try await limit.measure(warmUpSeconds: 0.05, seconds: 1)
        let made = calls.withLock { $0 }
        #expect(Set(made.keys) == [0, 1, 2])
        #expect(sample.answers == Int64(made.values.reduce(0, +)) * 10)
        #expect(sample.p50 >= 0.005)
        // Three callers, a call in 5 ms at the fastest, ten each.
        #expect(sample.rate > 0 && sample.rate <= 3 * 10 / 0.005)
    }

    @Test func `where a call takes longer than there is time each caller is still measured once`() async throws {
        let limit = EngineLimit("a limit", callers: 2, perCall: 1) { _ in try await Task.sleep(for: .milliseconds(100)) }
        let sample = try await limit.measure(warmUpSeconds: 0.01, seconds: 0.01)
        #expect(sample.rate > 0 && sample.p50 >= 0.1 && sample.answers >= 2)
    }

    @Test func `a call that fails ends the measurement`() async throws {
        let limit = EngineLimit("a limit", callers: 2, perCall: 1) { caller in
            if caller == 1 { throw BenchError.seeding("no") }
            try await Task.sleep(for: .milliseconds(5))
        }
        await #expect(throws: BenchError.seeding("no")) { try await limit.measure(warmUpSeconds: 0.01, seconds: 0.1) }
    }
}
