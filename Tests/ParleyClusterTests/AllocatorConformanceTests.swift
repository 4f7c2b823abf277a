import ParleyTesting
import Testing

/// The allocator `postgres` keeps the promises of the message store, and the conversations beside it theirs. Every case gets
/// databases of its own.
@Suite(.serialized, .engineTurns, .timeLimit(.minutes(15)))
struct AllocatorConformanceTests {
    @Test(arguments: MessageStoreConformance.cases)
    func `the message store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await Cluster().withNode { try await promise.run($0.stores) }
    }

    @Test(arguments: ConversationStoreConformance.cases)
    func `the conversation store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await Cluster().withNode { try await promise.run($0.stores) }
    }

    @Test(arguments: ResumeStoreConformance.cases)
    func `what a client that comes back asks`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await Cluster().withNode { try await promise.run($0.stores) }
    }
}
