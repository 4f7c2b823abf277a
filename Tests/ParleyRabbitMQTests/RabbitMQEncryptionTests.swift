import ParleyCore
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQEncryptionTests {
    @Test func `jobs go through an encrypted connection`() async throws {
        let url = try await url("localhost")
        try await withQueue { settings in
            settings.url = url
        } _: { queue, _ in
            let jobs = (0..<200).map { _ in Sample.job(for: Sample.users(50)) }
            try await queue.enqueue(jobs, at: Sample.start)
            #expect(try await queue.lease(limit: 500, seconds: 30, at: Sample.start).map(\.job) == jobs)
        }
    }

    @Test func `a broker is refused that no authority vouches for, or by another name`() async throws {
        let server = try await RabbitMQServer.shared.value
        for (host, authorities) in [("localhost", AMQPURL.defaultAuthorities), ("127.0.0.1", server.authority)] {
            let queue = RabbitMQPushQueue(RabbitMQConfiguration(url: try await url(host, authorities)))
            let sentence = try await unavailable { try await queue.enqueue([Sample.job()], at: Sample.start) }
            #expect(sentence.hasPrefix("rabbitmq: cannot connect to \(host)") && sentence.contains("verification failed"))
            await close(queue)
        }
    }

    @Test func `a file of authorities that is not there is named`() async throws {
        let queue = RabbitMQPushQueue(RabbitMQConfiguration(url: AMQPURL(host: "localhost", authorities: "/nowhere.pem")))
        let sentence = try await unavailable { try await queue.enqueue([Sample.job()], at: Sample.start) }
        #expect(sentence.hasPrefix("rabbitmq: cannot read the certificates in /nowhere.pem"))
        await close(queue)
    }

    private func url(_ host: String, _ authorities: String? = nil) async throws -> AMQPURL {
        let server = try await RabbitMQServer.shared.value
        return AMQPURL(
            host: host, port: server.encryptedPort, user: server.url.user, password: server.url.password,
            virtualHost: server.url.virtualHost, authorities: authorities ?? server.authority)
    }
}
