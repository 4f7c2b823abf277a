import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyTesting
import Testing

/// Inserts whose answer is lost, made so by the server's fail points (mongo, src/mongo/db/commands/fail_command.md): they hold
/// for a whole server, so each test has one of its own.
@Suite(.serialized, .engineTurns, .timeLimit(.minutes(15)))
struct MongoLossTests {
    @Test func `an insert that was done but not confirmed by a majority is settled as stored`() async throws {
        try await withFailing(#"{"times": 1}"#, #""writeConcernError": {"code": 64, "errmsg": "waiting for replication timed out"}"#) {
            store async throws in
            let (conversation, user) = (ConversationID.random(), UserID.random())
            let batch = (0..<3).map { Sample.draft(in: conversation, from: user, "Lost \($0)", key: "\($0)") }
            #expect(try await store.append(batch).map { $0.storedMessage?.sequenceNumber } == [1, 2, 3])
            #expect(try await store.all(of: conversation).map(\.id) == batch.map(\.id))
        }
    }

    @Test func `an insert that never arrived is settled as not stored, and repeated`() async throws {
        // The driver itself tries twice.
        try await withFailing(#"{"times": 2}"#, #""closeConnection": true"#) { store async throws in
            let (conversation, user) = (ConversationID.random(), UserID.random())
            let batch = (0..<3).map { Sample.draft(in: conversation, from: user, "Lost \($0)") }
            #expect(try await store.append(batch).map { $0.storedMessage?.sequenceNumber } == [1, 2, 3])
            #expect(try await store.all(of: conversation).map(\.id) == batch.map(\.id))
        }
    }

    @Test func `a step-down that leaves a part undone is settled`() async throws {
        try await withFailing(#"{"times": 2}"#, #""errorCode": 189"#) { store async throws in
            let (conversation, user) = (ConversationID.random(), UserID.random())
            let outcomes = try await store.append([Sample.draft(in: conversation, from: user)])
            #expect(outcomes[0].storedMessage?.sequenceNumber == 1)
        }
    }

    @Test func `what was refused does not land later, although it was still on its way to the server`() async throws {
        try await withFailing(#""alwaysOn""#, #""blockConnection": true, "blockTimeMS": 5000"#) { store async throws in
            let (conversation, user) = (ConversationID.random(), UserID.random())
            let error = await #expect(throws: StoreError.self) { try await store.append([Sample.draft(in: conversation, from: user)]) }
            guard case .unavailable = error else { return #expect(Bool(false), "\(String(describing: error))") }
            // Longer than the server holds any insert back.
            try await Task.sleep(for: .seconds(8))
            #expect(try await store.all(of: conversation) == [])
        }
    }

    @Test func `what an append of unknown outcome has under way is decided by settling, and nothing lands after it`() async throws {
        // Neither the insert nor the fence behind it is answered in time.
        try await withFailing(#""alwaysOn""#, #""blockConnection": true, "blockTimeMS": 14000"#, of: #"["insert", "update"]"#) {
            store, unblock async throws in
            let conversation = ConversationID.random()
            let batch = (0..<3).map { Sample.draft(in: conversation, from: UserID.random(), "Lost \($0)") }
            let start = ContinuousClock.now
            let error = await #expect(throws: StoreError.self) { try await store.append(batch) }
            guard case .outcomeUnknown = error else { return #expect(Bool(false), "\(String(describing: error))") }
            await #expect(throws: StoreError.self) { try await store.settleUnknown() }
            await unblock()
            try await store.settleUnknown()
            let settled = ContinuousClock.now - start
            let found = try await store.all(of: conversation)
            // Longer than the server holds anything back.
            try await Task.sleep(for: .seconds(30) - (ContinuousClock.now - start))
            #expect(try await store.all(of: conversation) == found)
            print("settled \(settled) after the append began; \(found.count) of 3 are stored")
        }
    }

    @Test func `without a server nothing is stored, and the error keeps the password`() async throws {
        var configuration = MongoConfiguration()
        configuration.serverSelectionMilliseconds = 300
        let url = "mongodb://parley:s3cr%2Ft@127.0.0.1:1/parley?replicaSet=rs0"
        let database = try MongoDatabase(url: url, configuration: configuration)
        let draft = Sample.draft(in: .random(), from: Sample.users(1)[0])
        let error = await #expect(throws: StoreError.self) { try await MongoMessageStore.node(database).append([draft]) }
        await close(database)
        guard case .unavailable(let text) = error else { return #expect(Bool(false), "\(String(describing: error))") }
        #expect(text.hasPrefix("mongodb: "))
        #expect(!text.contains("s3cr"))
        let malformed = #expect(throws: StoreError.self) { try MongoDatabase(url: "mongodb:/a:s3cr@t") }
        #expect(!"\(String(describing: malformed))".contains("s3cr"))
    }

    private func withFailing(_ mode: String, _ data: String, _ body: (MongoMessageStore) async throws -> Void) async throws {
        try await withFailing(mode, data, of: #"["insert"]"#) { store, _ async throws in try await body(store) }
    }

    /// - Parameter body: Is given what ends the failing.
    private func withFailing(
        _ mode: String, _ data: String, of commands: String, _ body: (MongoMessageStore, () async -> Void) async throws -> Void
    ) async throws {
        let server = try await MongoServer.make()
        var configuration = MongoConfiguration()
        configuration.socketMilliseconds = 2000
        try await withMongo(server.url(), configuration) { database in
            let failing = #"{"configureFailPoint": "failCommand", "mode": \#(mode), "data": {"failCommands": \#(commands), \#(data)}}"#
            let client = RawMongoClient(server.url())
            #expect(client.command(failing, on: "admin") != nil)
            let unblock: () async -> Void = { _ = client.command(#"{"configureFailPoint": "failCommand", "mode": "off"}"#, on: "admin") }
            try await body(.node(database), unblock)
            await unblock()
        }
    }
}
