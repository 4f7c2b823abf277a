import ParleyCore
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

/// Brokers that are not there, or let nobody in: what the operator is told.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQRefusalTests {
    @Test func `nobody listening is told at once, by the engine's name`() async throws {
        let url = AMQPURL(host: "127.0.0.1", port: try LoopbackPort.free(), user: "u", password: "secret")
        var configuration = RabbitMQConfiguration(url: url)
        configuration.reconnectCapSeconds = 0.1
        configuration.connectTimeoutSeconds = 3600
        let sentence = try await refusal(configuration)
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
