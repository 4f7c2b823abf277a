import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyTesting
import Testing

@testable import ParleyCluster

/// One of the two engines is not there, or does not answer.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct AllocatorOutageTests {
    @Test func `without PostgreSQL nothing is stored`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNode { node in
            let (conversation, users) = try await node.stores.pair()
            let nowhere = try #require(PostgresURL("postgresql://parley:sesame@127.0.0.1:\(try LoopbackPort.free())/parley"))
            try await withPool(nowhere) { pool in
                let store = RowLockMessageStore(messages: node.mongo, sequences: PostgresSequences(pool))
                let error = await #expect(throws: StoreError.self) {
                    try await store.append([Sample.draft(in: conversation, from: users[0])])
                }
                guard case .unavailable(let text) = error else { return #expect(Bool(false), "\(String(describing: error))") }
                #expect(text.hasPrefix("postgresql: "))
            }
            #expect(try await node.stores.allMessages(of: conversation) == [])
        }
    }

    @Test func `without MongoDB nothing is raised, and no row stays locked`() async throws {
        let server = try await MongoServer.make()
        let cluster = try await Cluster(mongo: server)
        var configuration = MongoConfiguration.patient
        configuration.serverSelectionMilliseconds = 500
        try await cluster.withNode(mongo: configuration) { node in
            let (conversation, users) = try await node.stores.pair()
            try await node.stores.send(2, in: conversation, from: users[0])
            await server.kill()
            let refused = Sample.draft(in: conversation, from: users[1])
            await #expect(throws: StoreError.self) { try await node.store.append([refused]) }
            let error = await #expect(throws: StoreError.self) { try await node.store.append([refused]) }
            guard case .unavailable(let text) = error else { return #expect(Bool(false), "\(String(describing: error))") }
            #expect(text.hasPrefix("mongodb: "))
            try cluster.sql("SELECT 1 FROM conversation_sequences FOR UPDATE NOWAIT")
            #expect(try cluster.sql("SELECT sequence_number FROM conversation_sequences") == "2")
            try server.start()
            try await until { try await node.store.append([Sample.draft(in: conversation, from: users[1])]).count == 1 }
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
        }
    }

    /// The server's fail points hold for all its clients (mongo, src/mongo/db/commands/fail_command.md).
    @Test(arguments: [
        #"{"times": 1}, "data": {"writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}"#,
        #"{"times": 2}, "data": {"closeConnection": true"#,
    ])
    func `an insert whose answer is lost is settled, and counted once`(failure: String) async throws {
        let server = try await MongoServer.make()
        let cluster = try await Cluster(mongo: server)
        try await cluster.withNode { node in
            let (conversation, users) = try await node.stores.pair()
            let failing = #"{"configureFailPoint": "failCommand", "mode": \#(failure), "failCommands": ["insert"]}}"#
            #expect(RawMongoClient(server.url()).command(failing, on: "admin") != nil)
            let batch = (0..<3).map { Sample.draft(in: conversation, from: users[0], "Lost \($0)", key: "\($0)") }
            #expect(try await node.store.append(batch).map { $0.storedMessage?.sequenceNumber } == [1, 2, 3])
            #expect(try await node.stores.allMessages(of: conversation).map(\.id) == batch.map(\.id))
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
        }
    }
}
