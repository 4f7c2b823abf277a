import ParleyCore
import ParleyRabbitMQ
import ParleyTesting
import Testing

/// RabbitMQ keeps the promises of a push queue, as far as a broker can. Every case gets queues of its own.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct RabbitMQConformanceTests {
    static let traits = PushQueueTraits(remembersWaitingJobs: false, delaysFollowCallersTime: false)

    @Test(arguments: PushQueueConformance.cases(with: traits))
    func `the push queue`(keeps promise: ConformanceCase<any PushQueue>) async throws {
        try await withQueue { queue, _ in
            #expect(queue.traits == Self.traits)
            try await promise.run(queue)
        }
    }
}
