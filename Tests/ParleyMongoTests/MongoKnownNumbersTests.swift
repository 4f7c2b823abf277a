import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyTesting
import Synchronization
import Testing

/// What a node is told of a conversation before it first appends there.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct MongoKnownNumbersTests {
    @Test func `who knows the last number asks nothing before storing`() async throws {
        try await withMongo { database, url in
            let (known, unknown) = (ConversationID.random(), ConversationID.random())
            for conversation in [known, unknown] { try await store(3, in: conversation, of: .node(database)) }
            let asked = Mutex<Set<ConversationID>>([])
            let node = MongoMessageStore(
                database,
                conversationExists: { conversations in
                    asked.withLock { $0.formUnion(conversations) }
                    return conversations
                }, heads: { _ in ActivityHeads(mark: ActivityMark(0), sequences: [:]) })
            node.remember(known, lastSequence: 3)
            let client = RawMongoClient(url)
            _ = try #require(client.command(#"{"profile": 2}"#))
            #expect(try await store(1, in: known, of: node) == [4])
            #expect(try await store(1, in: unknown, of: node) == [4])
            node.remember(known, lastSequence: 1)
            #expect(try await store(1, in: known, of: node) == [5], "what is known better is not forgotten")
            _ = try #require(client.command(#"{"profile": 0}"#))
            #expect(asked.withLock { $0 } == [unknown])
            let questions = #"{"count": "system.profile", "query": {"command.aggregate": "messages"}}"#
            #expect(try #require(client.command(questions)).contains(#""n" : 1"#), "for the conversation that was not known")
        }
    }

    @Test(arguments: [0, 1, 2]) func `a number that others have gone beyond leaves no hole and takes none twice (P2)`(told: Int64)
        async throws
    {
        try await withMongo { database, _ in
            let conversation = ConversationID.random()
            try await store(3, in: conversation, of: .node(database))
            let node = MongoMessageStore.node(database)
            node.remember(conversation, lastSequence: told)
            #expect(try await store(2, in: conversation, of: node) == [4, 5])
            node.remember(conversation, lastSequence: told)
            #expect(try await store(1, in: conversation, of: node) == [6])
            #expect(try await node.all(of: conversation).map(\.sequenceNumber) == Array(1...6))
        }
    }

    @discardableResult
    private func store(_ count: Int, in conversation: ConversationID, of node: MongoMessageStore) async throws -> [Int64?] {
        let batch = (0..<count).map { _ in Sample.draft(in: conversation, from: .random()) }
        return try await node.append(batch).map { $0.storedMessage?.sequenceNumber }
    }
}
