import Foundation
import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyTesting
import Testing

/// What other programs may rely on: the documents and indexes as they stand in the database.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct MongoContractTests {
    @Test func `a message's document is the contract, byte for byte`() async throws {
        try await withMongo { database, url in
            let media = [MediaID.random(), MediaID.random()]
            let draft = Sample.draft(
                in: .random(), from: .random(), "Hé", key: "k", type: .image, mediaIDs: media,
                at: Timestamp(milliseconds: 1_767_225_600_123))
            _ = try await MongoMessageStore.node(database).append([draft])
            let expected = Self.document { document in
                document += [0x07] + Self.name("_id") + draft.id.bytes
                document += Self.uuid("conversation_id", draft.conversationID.bytes)
                document += Self.uuid("sender_id", draft.senderID.bytes)
                document += Self.text("message_type", "image") + Self.text("content", "Hé")
                document += [0x04] + Self.name("media_ids")
                document += Self.document { $0 += Self.uuid("0", media[0].bytes) + Self.uuid("1", media[1].bytes) }
                document += [0x12] + Self.name("sequence_number") + Self.little(Int64(1))
                document += [0x09] + Self.name("created_at") + Self.little(Int64(1_767_225_600_123))
                document += Self.text("client_message_id", "k")
            }
            #expect(RawMongoClient(url).documents() == [expected])
        }
    }

    @Test func `a message without a key has no such field, and one without media an empty array`() async throws {
        try await withMongo { database, url in
            _ = try await MongoMessageStore.node(database).append([Sample.draft(in: .random(), from: .random())])
            let found = try #require(RawMongoClient(url).command(#"{"find": "messages"}"#))
            #expect(!found.contains("client_message_id"))
            #expect(found.contains(#""media_ids" : [  ]"#) || found.contains(#""media_ids" : []"#), "\(found)")
        }
    }

    @Test func `migrating is told beforehand, may be done by many nodes at once, and again`() async throws {
        let url = try await MongoServer.shared.value.url("migrating\(UInt32.random(in: 0 ... .max))")
        let names = ["conversation_sequence", "conversation_sender_key", "conversation_sender_sequence", "conversation_created", "media"]
        let databases = try (0..<4).map { _ in try MongoDatabase(url: url, configuration: .migrating) }
        #expect(try await MongoSchema(databases[0]).missing() == names)
        #expect(try await MongoSchema(databases[0]).missing() == names, "asking changes nothing")
        _ = try await concurrently(4) { try await MongoSchema(databases[$0]).migrate() }
        try await MongoSchema(databases[1]).migrate()
        #expect(try await MongoSchema(databases[2]).missing() == [])
        for database in databases { await close(database) }
    }

    @Test(arguments: [
        (
            #"{"aggregate": "messages", "cursor": {}, "pipeline": [{"$match": {"conversation_id": {"$in": [1, 2]}}}, "#
                + #"{"$sort": {"conversation_id": -1, "sequence_number": -1}}, "#
                + #"{"$group": {"_id": "$conversation_id", "number": {"$first": "$sequence_number"}}}]}"#,
            "conversation_sequence", "DISTINCT_SCAN"
        ),
        (
            #"{"find": "messages", "filter": {"conversation_id": 1, "sender_id": 2, "client_message_id": "k"}}"#,
            "conversation_sender_key", "IXSCAN"
        ),
        (
            #"{"find": "messages", "filter": {"$or": [{"conversation_id": 1, "sender_id": 2, "client_message_id": "k"}, "#
                + #"{"conversation_id": 1, "sender_id": 2, "client_message_id": "l"}]}}"#,
            "conversation_sender_key", "IXSCAN"
        ),
        (
            #"{"find": "messages", "filter": {"conversation_id": 1, "sequence_number": {"$gte": 1, "$lte": 9}}, "#
                + #""sort": {"sequence_number": 1}}"#,
            "conversation_sequence", "IXSCAN"
        ),
        (
            #"{"aggregate": "messages", "cursor": {}, "pipeline": [{"$match": {"media_ids": 1, "media_ids.0": {"$exists": true}}}, "#
                + #"{"$group": {"_id": "$conversation_id"}}]}"#,
            "media", "IXSCAN"
        ),
        (
            #"{"aggregate": "messages", "cursor": {}, "pipeline": [{"$match": {"conversation_id": {"$in": [1, 2]}, "#
                + #""created_at": {"$gt": {"$date": "2026-01-01T00:00:00Z"}}}}, {"$sort": {"conversation_id": 1, "created_at": 1}}, "#
                + #"{"$group": {"_id": "$conversation_id", "at": {"$first": "$created_at"}}}]}"#,
            "conversation_created", "DISTINCT_SCAN"
        ),
        (
            #"{"aggregate": "messages", "cursor": {}, "pipeline": [{"$match": {"$or": [{"conversation_id": 1, "#
                + #""created_at": {"$gt": 1, "$lte": 2}}, {"conversation_id": 2, "created_at": {"$gt": 1, "$lte": 2}}]}}, "#
                + #"{"$group": {"_id": "$conversation_id", "number": {"$min": "$sequence_number"}}}]}"#,
            "conversation_created", "IXSCAN"
        ),
        (
            #"{"aggregate": "messages", "cursor": {}, "pipeline": [{"$match": {"conversation_id": 1, "sender_id": 2, "#
                + #""sequence_number": {"$gt": 3, "$lte": 9}}}, {"$count": "number"}]}"#,
            "conversation_sender_sequence", "COUNT_SCAN"
        ),
        (#"{"find": "messages", "filter": {"_id": {"$gt": 1}}, "sort": {"_id": 1}}"#, "_id_", "IXSCAN"),
    ])
    func `each query has its index`(query: String, index: String, stage: String) async throws {
        try await withMongo { database, url in
            let (conversation, user) = (ConversationID.random(), UserID.random())
            let batch = (0..<50).map { Sample.draft(in: conversation, from: user, key: "\($0)", mediaIDs: [.random()]) }
            _ = try await MongoMessageStore.node(database).append(batch)
            let hinted = query.dropLast() + #", "hint": "\#(index)"}"#
            let explained = try #require(RawMongoClient(url).command(#"{"explain": \#(hinted), "verbosity": "queryPlanner"}"#))
            let plan = explained.components(separatedBy: #""rejectedPlans""#)[0]
            #expect(plan.contains("\"indexName\" : \"\(index)\""), "\(plan)")
            #expect(plan.contains("\"stage\" : \"\(stage)\""), "\(plan)")
            #expect(!plan.contains("COLLSCAN") && !plan.contains(#""stage" : "SORT""#), "\(plan)")
        }
    }

    // MARK: BSON by hand (bsonspec.org)

    private static func document(_ write: (inout [UInt8]) -> Void) -> [UInt8] {
        var body: [UInt8] = []
        write(&body)
        return little(Int32(body.count + 5)) + body + [0]
    }

    private static func name(_ name: String) -> [UInt8] { Array(name.utf8) + [0] }

    private static func uuid(_ field: String, _ bytes: [UInt8]) -> [UInt8] {
        [0x05] + name(field) + little(Int32(16)) + [0x04] + bytes
    }

    private static func text(_ field: String, _ text: String) -> [UInt8] {
        [0x02] + name(field) + little(Int32(text.utf8.count + 1)) + Array(text.utf8) + [0]
    }

    private static func little<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian, Array.init)
    }
}
