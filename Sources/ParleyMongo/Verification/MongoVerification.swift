import CMongoC
public import ParleyCore
public import ParleyModel

/// The collection `messages` for ``ParleyCore/ClusterVerifier``: what programs of others wrote there too.
public struct MongoVerification: VerifiableMessages {
    /// Keys that differ in their order in an index.
    private static let keyFields = ["conversation_id", "sender_id", "client_message_id"]

    private let database: MongoDatabase

    /// Over a database that is migrated.
    public init(_ database: MongoDatabase) {
        self.database = database
    }

    public func obstacles() async throws(StoreError) -> [String] {
        let missing = try await MongoSchema(database).missing()
        let needed: [MongoIndex.Name] = [.conversationSequence, .conversationSenderKey]
        return needed.map(\.rawValue).filter { missing.contains($0) }.map {
            "messages have no index \($0): nothing keeps numbers and keys unique, and nothing else can be proved without it"
        }
    }

    /// Values of other types stand before and behind all UUIDs in the index.
    public func strays() async throws(StoreError) -> [String] {
        let first = Self.bound(ConversationID(high: 0, low: 0), .min)
        let last = Self.bound(ConversationID(high: .max, low: .max), .max)
        let isAny = try await database.run { connection throws(StoreError) in
            let found = [try connection.heads(from: nil, to: first, limit: 1), try connection.heads(from: last, to: nil, limit: 1)]
            return found.contains { !$0.isEmpty }
        }
        return isAny ? ["there are messages whose conversation_id is not a UUID"] : []
    }

    public func heads(from place: MessagePlace?, through: ConversationID?, limit: Int) async throws(StoreError) -> [MessageHead] {
        let from = place.map { Self.bound($0.conversationID, $0.sequenceNumber) } ?? Self.bound(ConversationID(high: 0, low: 0), .min)
        let to = Self.bound(through ?? ConversationID(high: .max, low: .max), .max)
        return try await database.run { connection throws(StoreError) in
            try MessageDocument.heads(try connection.heads(from: from, to: to, limit: limit))
        }
    }

    public func messages(at places: [MessagePlace]) async throws(StoreError) -> [Message] {
        if places.isEmpty { return [] }
        return try await database.run { connection throws(StoreError) in
            let filter = BSON {
                $0.setArray("$or", of: places) { array, name, place in
                    array.set(name) {
                        $0.set("conversation_id", place.conversationID)
                        $0.set("sequence_number", place.sequenceNumber)
                    }
                }
            }
            return try MessageDocument.messages(try connection.find(filter, by: .conversationSequence))
        }
    }

    public func lastNumbers(of conversations: [ConversationID]) async throws(StoreError) -> [ConversationID: Int64] {
        if conversations.isEmpty { return [:] }
        return try await database.run { connection throws(StoreError) in try connection.lastNumbers(of: conversations) }
    }

    public func repeatedKeyCount() async throws(StoreError) -> Int64 {
        try await database.run { connection throws(StoreError) in
            var count: Int64 = 0
            var last: [UInt8] = []
            // Any text, and so only what is in the index.
            let filter = BSON { $0.set("client_message_id") { $0.set("$gte", "") } }
            try connection.forEach { options in
                options.set("hint", MongoIndex.Name.conversationSenderKey.rawValue)
                let fields = BSON { fields in for name in Self.keyFields { fields.set(name, int32: 1) } }
                options.set("sort", fields)
                options.set("projection") { projection in
                    projection.set("_id", int32: 0)
                    for name in Self.keyFields { projection.set(name, int32: 1) }
                }
                return mongoc_collection_find_with_opts(connection.messages, filter.pointer, options.pointer, nil)
            } _: { document in
                let key = document.bytes
                if key == last { count += 1 }
                last = key
            }
            return count
        }
    }

    /// A place in the index of conversations and numbers.
    private static func bound(_ conversation: ConversationID, _ number: Int64) -> IndexBound {
        IndexBound(conversation: conversation, number: number)
    }
}

/// A place in the index of conversations and numbers.
private struct IndexBound: Sendable {
    let conversation: ConversationID
    let number: Int64

    var document: BSON {
        BSON {
            $0.set("conversation_id", conversation)
            $0.set("sequence_number", number)
        }
    }
}

extension MongoConnection {
    /// Heads in the order of the index: `from` is the first, `to` the first that is not among them.
    fileprivate func heads(from: IndexBound?, to: IndexBound?, limit: Int) throws(StoreError) -> [BSON] {
        let all = BSON()
        return try read { options in
            options.set("hint", MongoIndex.Name.conversationSequence.rawValue)
            if let from { options.set("min", from.document) }
            if let to { options.set("max", to.document) }
            options.set("projection", MessageDocument.headFields)
            options.set("limit", Int64(limit))
            options.set("batchSize", Int64(limit))
            options.set("sort") {
                $0.set("conversation_id", int32: 1)
                $0.set("sequence_number", int32: 1)
            }
            return mongoc_collection_find_with_opts(messages, all.pointer, options.pointer, nil)
        }
    }
}
