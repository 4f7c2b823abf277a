import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQDeadLetterTests {
    @Test func `another process lists the same dead letters under the same names, in pages, as often as it likes`() async throws {
        try await withQueue { queue, configuration in
            try await kill(120, in: queue)
            let letters = try await queue.deadLetters(limit: 200, after: nil)
            let other = RabbitMQPushQueue(configuration)
            #expect(try await other.deadLetters(limit: 50, after: nil) == Array(letters[..<50]))
            #expect(try await other.deadLetters(limit: 50, after: letters[49].id) == Array(letters[50..<100]))
            #expect(try await other.deadLetters(limit: 50, after: letters[119].id) == [])
            await close(other)
            #expect(letters.count == 120 && letters.map(\.id.value) == letters.map(\.id.value).sorted())
            #expect(try await queue.depth() == PushQueueDepth(pending: 0, dead: 120))
        }
    }

    @Test func `a dead letter tells other programs why, after how many attempts and when`() async throws {
        try await withQueue { queue, configuration in
            try await kill(1, in: queue)
            let dead = try await withLink(configuration) { try $0.take(10, from: queue.topology.dead) }
            #expect(dead.count == 1 && dead.first?.deliveryMode == 2 && dead.first?.contentType == "application/json")
            #expect(dead.first?.headers["reason"] == .text("gone 💀") && dead.first?.headers["attempts"] == .integer(1))
            #expect(dead.first?.headers["died-at"] == .text("2026-01-01T00:00:09.000Z"))
        }
    }

    @Test func `a dead letter is replayed once, however many ask`() async throws {
        try await withQueue { queue, _ in
            let letters = try await kill(30, in: queue)
            let counts = try await concurrently(4) { _ in try await queue.replay(nil, at: Sample.start) }
            #expect(counts.reduce(0, +) == 30)
            #expect(try await queue.depth() == PushQueueDepth(pending: 30, dead: 0))
            let leases = try await queue.lease(limit: 100, seconds: 30, at: Sample.start)
            #expect(leases.map(\.job) == letters, "in the order of their age")
        }
    }

    @Test func `replaying into a queue that was deleted keeps the dead letters`() async throws {
        try await withQueue { queue, configuration in
            let letters = try await kill(3, in: queue)
            _ = try await queue.depth()  // so that the connection has declared its queues
            try await withLink(configuration) { try $0.delete(queue.topology.jobs) }
            await #expect(throws: StoreError.self) { try await queue.replay(nil, at: Sample.start) }
            #expect(try await queue.deadLetters(limit: 10, after: nil).map(\.job) == letters)
            #expect(try await queue.replay(nil, at: Sample.start) == 3)
        }
    }

    @discardableResult
    private func kill(_ count: Int, in queue: RabbitMQPushQueue) async throws -> [PushJob] {
        let jobs = (0..<count).map { _ in Sample.job() }
        try await queue.enqueue(jobs, at: Sample.start)
        let leases = try await queue.lease(limit: count, seconds: 30, at: Sample.start)
        let results = leases.map { ($0.id, PushJobResult.dead(recipients: $0.job.recipients, reason: "gone 💀")) }
        try await queue.finish(Dictionary(uniqueKeysWithValues: results), at: Sample.time(9))
        return jobs
    }
}
