import ParleyEngines
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

/// What `parley doctor` says of RabbitMQ.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQExaminationTests {
    @Test func `queues that are missing are not made, those that are right are counted, one with other arguments is named`() async throws {
        try await withQueue { queue, configuration in
            func facts() async -> [String] {
                await onOwnThread { RabbitMQExamination.findings(configuration) }.dropFirst().map(\.fact)
            }
            #expect(await facts() == ["11 queues are not there yet"])
            #expect(await facts() == ["11 queues are not there yet"])
            try await queue.prepare()
            #expect(await facts() == ["all 11 queues are there, with the right arguments"])
            let dead = queue.topology.dead
            try await withLink(configuration) { link in
                try link.delete(dead)
                try link.declare(RabbitMQQueue(name: dead.name, arguments: [("x-message-ttl", .number(1000))]))
            }
            let wrong = await facts()
            #expect(wrong.count == 1 && wrong[0].contains(dead.name))
        }
    }
}
