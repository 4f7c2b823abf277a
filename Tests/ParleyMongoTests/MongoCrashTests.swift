import Foundation
import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyTesting
import Testing

/// The engine dies, or does not answer, in the middle of appends.
@Suite(.serialized, .engineTurns, .timeLimit(.minutes(15)))
struct MongoCrashTests {
    @Test func `after kill -9 what was acknowledged is there, without a hole, and what was refused is not (P1, P2)`() async throws {
        let server = try await MongoServer.make()
        try await withMongo(server.url()) { database in
            let store = MongoMessageStore.node(database)
            let conversations = (0..<4).map { _ in ConversationID.random() }
            let user = Sample.users(1)[0]
            async let writing = concurrently(4) { task in
                var (answers, draft): (Answers, Int) = (Answers(), 0)
                let end = ContinuousClock.now + .seconds(6)
                while ContinuousClock.now < end {
                    let batch = (0..<5).map { place in
                        Sample.draft(in: conversations[(task + place) % 4], from: user, "\(task).\(draft).\(place)")
                    }
                    draft += 1
                    do {
                        answers.acknowledged += try await store.append(batch).compactMap(\.storedMessage)
                    } catch StoreError.outcomeUnknown {
                        answers.unknown.formUnion(batch.map(\.id))
                    } catch StoreError.unavailable {
                        answers.refused += batch.map(\.id)
                    }
                }
                return answers
            }
            for _ in 0..<2 {
                try await Task.sleep(for: .milliseconds(1200))
                await server.kill()
                try server.start()
            }
            let answers = try await writing
            try await untilItAnswers(database)
            var stored: [MessageID: Message] = [:]
            for conversation in conversations {
                let history = try await store.all(of: conversation)
                #expect(history.map(\.sequenceNumber) == Array(1...Int64(history.count)))
                for message in history { stored[message.id] = message }
            }
            for message in answers.flatMap(\.acknowledged) { #expect(stored[message.id] == message) }
            for id in answers.flatMap(\.refused) { #expect(stored[id] == nil, "a refused message is not stored") }
            let known = answers.reduce(0) { $0 + $1.acknowledged.count }
            let unknown = answers.reduce(into: Set<MessageID>()) { $0.formUnion($1.unknown) }
            #expect(known > 0)
            #expect(Set(stored.keys).subtracting(answers.flatMap(\.acknowledged).map(\.id)).isSubset(of: unknown))
            print("kill -9: \(known) acknowledged, \(unknown.count) unknown, \(answers.flatMap(\.refused).count) refused")
        }
    }

    @Test func `an insert that is lost and lands is settled as stored`() async throws {
        let server = try await MongoServer.make()
        var configuration = MongoConfiguration()
        configuration.socketMilliseconds = 2000
        configuration.serverSelectionMilliseconds = 60_000
        try await withMongo(server.url(), configuration) { database in
            let store = MongoMessageStore.node(database)
            let (conversation, user) = (ConversationID.random(), Sample.users(1)[0])
            _ = try await store.append([Sample.draft(in: conversation, from: user)])
            try await server.halt()
            defer { server.goOn() }
            let batch = (0..<3).map { Sample.draft(in: conversation, from: user, "Lost \($0)") }
            async let outcomes = store.append(batch)
            try await Task.sleep(for: .seconds(5))
            server.goOn()
            #expect(try await outcomes.map { $0.storedMessage?.sequenceNumber } == [2, 3, 4])
            #expect(try await store.all(of: conversation).map(\.sequenceNumber) == [1, 2, 3, 4])
        }
    }

    @Test func `while the engine does not answer, calls fail within their bound (P8)`() async throws {
        let server = try await MongoServer.make()
        var configuration = MongoConfiguration()
        configuration.socketMilliseconds = 2000
        configuration.connectMilliseconds = 1000
        configuration.serverSelectionMilliseconds = 2000
        try await withMongo(server.url(), configuration) { database in
            let store = MongoMessageStore.node(database)
            let (conversation, user) = (ConversationID.random(), Sample.users(1)[0])
            _ = try await store.append([Sample.draft(in: conversation, from: user)])
            try await server.halt()
            defer { server.goOn() }
            let lost = Sample.draft(in: conversation, from: user, "Lost", key: "k")
            let start = ContinuousClock.now
            await #expect(throws: StoreError.self) { try await store.append([lost]) }
            #expect(ContinuousClock.now - start < .seconds(40))
            await #expect(throws: StoreError.self) { try await store.history(of: conversation, .newest, limit: 5) }
            print("SIGSTOP: two calls failed after \(ContinuousClock.now - start)")
            server.goOn()
            try await untilItAnswers(database)
            let again = try await store.append([Sample.draft(in: conversation, from: user, "Lost", key: "k")])[0]
            #expect((again.storedMessage ?? again.repeatedMessage)?.sequenceNumber == 2)
            #expect(try await store.all(of: conversation).map(\.sequenceNumber) == [1, 2])
        }
    }

    private struct Answers {
        var acknowledged: [Message] = []
        var refused: [MessageID] = []
        var unknown: Set<MessageID> = []
    }

    private func untilItAnswers(_ database: MongoDatabase) async throws {
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            do { return try await database.ping() } catch  where ContinuousClock.now < deadline {}
        }
    }
}
