import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

/// Brokers that die, are not there, or let nobody in.
@Suite(.timeLimit(.minutes(5)))
struct RabbitMQOutageTests {
    @Test func `a broker that is killed has every job when it is back, and is found again (P5)`() async throws {
        let server = try await RabbitMQServer()
        try await withQueue(on: server) { queue, _ in
            let jobs = (0..<500).map { _ in Sample.job() }
            try await queue.enqueue(jobs, at: Sample.start)
            let leases = try await queue.lease(limit: 20, seconds: 1000, at: Sample.start)
            try await queue.finish(results(of: leases), at: Sample.start)
            #expect(try await queue.depth() == PushQueueDepth(pending: 490, dead: 5))

            await server.kill()
            let start = ContinuousClock.now
            let sentence = try await unavailable { try await queue.enqueue([Sample.job()], at: Sample.start) }
            #expect(sentence.hasPrefix("rabbitmq: ") && ContinuousClock.now - start < .seconds(2), "it is told at once")
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

    @Test func `nobody listening is told at once, by the engine's name`() async throws {
        var configuration = RabbitMQConfiguration(url: AMQPURL(host: "127.0.0.1", port: freePort(), user: "u", password: "secret"))
        configuration.reconnectCapSeconds = 0.1
        let start = ContinuousClock.now
        let sentence = try await refusal(configuration)
        #expect(ContinuousClock.now - start < .seconds(2))
        #expect(sentence.hasPrefix("rabbitmq: cannot connect to 127.0.0.1:") && !sentence.contains("secret"))
    }

    @Test func `a wrong password is told as such, without the password`() async throws {
        let url = try await RabbitMQServer.shared.value.url
        let wrong = AMQPURL(host: url.host, port: url.port, user: "parley", password: "secret", virtualHost: "parley")
        let sentence = try await refusal(RabbitMQConfiguration(url: wrong))
        #expect(sentence.hasPrefix("rabbitmq: cannot log in at 127.0.0.1:") && sentence.contains("ACCESS_REFUSED"))
        #expect(!sentence.contains("secret"))
    }

    @Test func `a virtual host that is not there is named`() async throws {
        let url = try await RabbitMQServer.shared.value.url
        let nowhere = AMQPURL(host: url.host, port: url.port, user: url.user, password: url.password, virtualHost: "nowhere")
        let sentence = try await refusal(RabbitMQConfiguration(url: nowhere))
        #expect(sentence.hasPrefix("rabbitmq: cannot log in at") && sentence.contains("nowhere") && !sentence.contains(url.password))
    }

    @Test func `a queue that somebody declared otherwise is named`() async throws {
        try await withQueue { queue, configuration in
            let other = RabbitMQQueue(name: queue.topology.jobs.name, arguments: [("x-max-length", .number(7))])
            try await withLink(configuration) { try $0.declare(other) }
            let sentence = try await refusal(configuration)
            #expect(sentence.hasPrefix("rabbitmq: cannot declare the queue \(configuration.queueName)"))
            #expect(sentence.contains("PRECONDITION_FAILED") && sentence.contains("x-max-length"))
        }
    }

    /// What a queue says that cannot work.
    private func refusal(_ configuration: RabbitMQConfiguration) async throws -> String {
        let queue = RabbitMQPushQueue(configuration)
        let sentence = try await unavailable { try await queue.enqueue([Sample.job()], at: Sample.start) }
        await close(queue)
        return sentence
    }
}
