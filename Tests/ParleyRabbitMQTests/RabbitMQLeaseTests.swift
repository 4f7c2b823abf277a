import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

/// Leases between several nodes, and delays by the broker's clock.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQLeaseTests {
    @Test func `a job that is leased is not another node's, and goes back when its node ends`() async throws {
        try await withTwoNodes { first, second in
            let jobs = [Sample.job(), Sample.job()]
            try await first.enqueue(jobs, at: Sample.start)
            #expect(try await first.lease(limit: 10, seconds: 30, at: Sample.start).map(\.job) == jobs)
            #expect(try await second.lease(limit: 10, seconds: 30, at: Sample.start) == [])
            await close(first)
            let leases = try await second.leaseEventually()
            #expect(leases.map(\.job) == jobs && leases.map(\.attempt) == [2, 2])
        }
    }

    @Test func `a lease whose node asks for no more work is another's soon after its end`() async throws {
        try await withTwoNodes { first, second in
            let job = Sample.job()
            try await first.enqueue([job], at: Sample.start)
            let start = ContinuousClock.now
            let leases = try await first.lease(limit: 10, seconds: 0.5, at: Sample.start)
            let again = try await second.leaseEventually()
            #expect(again.map(\.job) == [job] && again.map(\.attempt) == [2])
            #expect(ContinuousClock.now - start >= .seconds(0.5))
            try await first.finish([leases[0].id: .done], at: Sample.start)
            #expect(try await second.depth().pending == 1, "the late result is passed over")
        }
    }

    @Test func `an idle connection lives on, and its leases with it`() async throws {
        try await withQueue { settings in
            settings.heartbeatSeconds = 3
            settings.housekeepingSeconds = 0.25
        } _: { queue, configuration in
            try await queue.enqueue([Sample.job()], at: Sample.start)
            let leases = try await queue.lease(limit: 10, seconds: 30, at: Sample.start)
            // The broker ends a connection that it has not heard of for two heartbeats.
            try await Task.sleep(for: .seconds(8))
            let waiting = try await withLink(configuration) { try $0.messageCount(of: queue.topology.jobs) }
            #expect(waiting == 0)
            try await queue.finish([leases[0].id: .done], at: Sample.start)
            #expect(try await queue.depth() == PushQueueDepth(pending: 0, dead: 0))
        }
    }

    @Test func `jobs are shared out between nodes, each to one`() async throws {
        try await withTwoNodes { first, second in
            let jobs = (0..<50).map { _ in Sample.job() }
            try await first.enqueue(jobs, at: Sample.start)
            async let some = first.lease(limit: 25, seconds: 30, at: Sample.start)
            async let others = second.lease(limit: 25, seconds: 30, at: Sample.start)
            let leases = try await some + others
            #expect(leases.count == 50 && Set(leases.map(\.id)).count == 50)
        }
    }

    @Test func `delayed jobs come back each in its own time`() async throws {
        try await withQueue { queue, _ in
            let jobs = [Sample.job(), Sample.job()]
            try await queue.enqueue(jobs, at: Sample.start)
            let leases = try await queue.lease(limit: 10, seconds: 30, at: Sample.start)
            let start = ContinuousClock.now
            try await queue.finish(
                [
                    leases[0].id: .retry(after: 5, recipients: jobs[0].recipients, reason: "busy"),
                    leases[1].id: .retry(after: 0.3, recipients: jobs[1].recipients, reason: "busy"),
                ], at: Sample.start)
            #expect(try await queue.depth().pending == 2)
            let first = try await queue.leaseEventually()
            #expect(first.map(\.job) == [jobs[1]] && ContinuousClock.now - start >= .seconds(1))
            let second = try await queue.leaseEventually()
            #expect(second.map(\.job) == [jobs[0]] && second.map(\.attempt) == [2] && ContinuousClock.now - start >= .seconds(5))
            #expect(try await queue.depth().pending == 2, "both are leased, and wait nowhere else")
        }
    }

    @Test func `all queues can be declared ahead, again, and by others`() async throws {
        try await withTwoNodes { first, second in
            try await first.prepare()
            try await second.prepare()
        }
    }

    /// Two nodes on the same queues, whose leases end 0.2 seconds after nobody asks for them.
    private func withTwoNodes(_ body: (RabbitMQPushQueue, RabbitMQPushQueue) async throws -> Void) async throws {
        try await withQueue { settings in
            settings.leaseGraceSeconds = 0.2
            settings.housekeepingSeconds = 0.1
        } _: { first, configuration in
            let second = RabbitMQPushQueue(configuration)
            do { try await body(first, second) } catch {
                await close(second)
                throw error
            }
            await close(second)
        }
    }
}
