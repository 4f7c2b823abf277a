import Foundation
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

/// A broker that dies, hangs, or lacks memory: one of our own, for one test after the other.
@Suite(.serialized, .engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQOutageTests {
    private static let server = Task { try await RabbitMQServer() }

    @Test func `a broker that is killed has every job when it is back, and is found again (P5)`() async throws {
        let server = try await Self.server.value
        try await withQueue(on: server) { settings in
            settings.newQueueSeconds = RabbitMQConfiguration(url: server.url).newQueueSeconds
        } _: { queue, _ in
            try await queue.prepare()
            let jobs = (0..<500).map { _ in Sample.job() }
            try await queue.enqueue(jobs, at: Sample.start)
            let leases = try await queue.lease(limit: 20, seconds: 1000, at: Sample.start)
            try await queue.finish(results(of: leases), at: Sample.start)
            #expect(try await queue.depth() == PushQueueDepth(pending: 490, dead: 5))

            await server.kill()
            let sentence = try await unavailable { try await queue.enqueue([Sample.job()], at: Sample.start) }
            #expect(sentence.hasPrefix("rabbitmq: "))
            await #expect(throws: StoreError.self) { try await queue.lease(limit: 1, seconds: 30, at: Sample.start) }
            try await server.start()

            var back: Set<MessageID> = []
            while back.count < 490 {
                let leases = try await queue.leaseEventually(limit: 100, seconds: 1000)
                guard !leases.isEmpty else { break }
                back.formUnion(leases.map(\.job.messageID))
            }
            // Five were done, five are dead; an acknowledgement that the broker had not written yet may repeat its job.
            let expected = Set(jobs.map(\.messageID)).subtracting(leases[..<10].map(\.job.messageID))
            #expect(back.isSuperset(of: expected))
            #expect(try await queue.deadLetters(limit: 10, after: nil).count == 5)
        }
    }

    @Test func `a job whose queueing was confirmed survives a kill in the middle of it (P1, P5)`() async throws {
        let server = try await Self.server.value
        try await withQueue(on: server) { settings in
            settings.newQueueSeconds = RabbitMQConfiguration(url: server.url).newQueueSeconds
        } _: { queue, _ in
            let (batches, count) = AsyncStream.makeStream(of: Int.self)
            async let queued = queueUntilRefused(queue) { count.yield($0) }
            for await number in batches where number == 30 { break }
            await server.kill()
            let (confirmed, error) = try await queued
            #expect(confirmed.count >= 600)
            if case .unavailable = error {} else if case .outcomeUnknown = error {} else { Issue.record("found \(error)") }
            try await server.start()
            var back: Set<MessageID> = []
            while !back.isSuperset(of: confirmed) {
                let leases = try await queue.leaseEventually(limit: 1000, seconds: 1000)
                guard !leases.isEmpty else { break }
                back.formUnion(leases.map(\.job.messageID))
            }
            #expect(confirmed.subtracting(back).count == 0)
        }
    }

    /// Queues batches of 20, telling how many were confirmed, until the queue throws.
    private func queueUntilRefused(
        _ queue: RabbitMQPushQueue, _ told: (Int) -> Void
    ) async throws -> (confirmed: Set<MessageID>, StoreError) {
        var confirmed: Set<MessageID> = []
        for number in 1...1_000_000 {
            let jobs = (0..<20).map { _ in Sample.job() }
            do throws(StoreError) {
                try await queue.enqueue(jobs, at: Sample.start)
            } catch {
                return (confirmed, error)
            }
            confirmed.formUnion(jobs.map(\.messageID))
            told(number)
        }
        throw CancellationError()
    }

    /// Five done, five dead, five to be tried again and five that stay leased.
    private func results(of leases: [LeasedPushJob]) -> [PushJobID: PushJobResult] {
        var results: [PushJobID: PushJobResult] = [:]
        for (place, lease) in leases.enumerated() {
            switch place {
            case ..<5: results[lease.id] = .done
            case ..<10: results[lease.id] = .dead(recipients: lease.job.recipients, reason: "gone")
            case ..<15: results[lease.id] = .retry(after: 1, recipients: lease.job.recipients, reason: "busy")
            default: break
            }
        }
        return results
    }

    @Test func `a broker that hangs holds a call up for no longer than its limits say`() async throws {
        let server = try await Self.server.value
        try await withQueue(on: server) { settings in
            settings.confirmTimeoutSeconds = 4
            settings.loginTimeoutSeconds = 4
            settings.reconnectCapSeconds = 0.1
        } _: { queue, _ in
            try await queue.enqueue([Sample.job()], at: Sample.start)
            try await server.halt()
            defer { server.goOn() }
            let start = ContinuousClock.now
            await #expect(throws: StoreError.outcomeUnknown("rabbitmq: 1 messages were not confirmed within 4.0 s")) {
                try await queue.enqueue([Sample.job()], at: Sample.start)
            }
            let sentence = try await unavailable { try await queue.enqueue([Sample.job()], at: Sample.start) }
            #expect(sentence.hasPrefix("rabbitmq: cannot log in at"))
            #expect(ContinuousClock.now - start < .seconds(60))
            server.goOn()
            #expect(try await !queue.leaseEventually().isEmpty)
        }
    }

    @Test func `a broker that lacks memory takes no jobs and says so, and hands out those it has`() async throws {
        let server = try await Self.server.value
        try await withQueue(on: server) { settings in
            settings.confirmTimeoutSeconds = 20
        } _: { queue, _ in
            let job = Sample.job()
            try await queue.enqueue([job], at: Sample.start)
            try await server.control("set_vm_memory_high_watermark", "absolute", "1MB")
            await #expect(throws: StoreError.self) { try await queue.enqueue([Sample.job()], at: Sample.start) }
            let start = ContinuousClock.now
            let sentence = try await unavailable { try await queue.enqueue([Sample.job()], at: Sample.start) }
            #expect(sentence == "rabbitmq: the broker accepts no messages for now (low on memory)")
            #expect(ContinuousClock.now - start < .seconds(20), "it is told at once, not when a confirmation has not come")
            let lease = try await queue.lease(limit: 1, seconds: 30, at: Sample.start)
            #expect(lease.map(\.job) == [job])
            try await queue.finish([lease[0].id: .done], at: Sample.start)

            try await server.control("set_vm_memory_high_watermark", "absolute", "256MB")
            let deadline = ContinuousClock.now + .seconds(60)
            while (try? await queue.enqueue([job], at: Sample.start)) == nil, ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(50))
            }
            let jobs = try await queue.lease(limit: 10, seconds: 30, at: Sample.start).map(\.job)
            #expect(jobs.count == 2 && jobs.last == job, "the one whose outcome was unknown, and the last")
        }
    }
}
