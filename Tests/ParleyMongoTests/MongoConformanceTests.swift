import ParleyCore
import ParleyEngineTesting
import ParleyMongo
import ParleyTesting
import Testing

/// MongoDB keeps the promises of the message store. Every case gets a database of its own; conversations are in memory.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct MongoConformanceTests {
    @Test(arguments: MessageStoreConformance.cases)
    func `the message store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withMongo { database, _ in
            let memory = InMemoryStore()
            try await promise.run(
                StoreSubject(
                    messages: MirroredMessageStore(database, conversations: memory), effects: memory, conversations: memory, media: memory))
        }
    }
}
