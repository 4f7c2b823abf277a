import CMongoC

/// An index of the collection `messages` and the query that it is for.
struct MongoIndex {
    enum Name: String {
        case id = "_id_"
        case conversationSequence = "conversation_sequence"
        case conversationSenderKey = "conversation_sender_key"
        case conversationSenderSequence = "conversation_sender_sequence"
        case conversationCreated = "conversation_created"
        case media
    }

    let name: Name
    let fields: [String]
    var isUnique = false
    /// Only documents that have this field are in it.
    var only: String?

    static let all = [
        // No number twice (P2). Serves histories (a range of numbers) and the last number of conversations.
        MongoIndex(name: .conversationSequence, fields: ["conversation_id", "sequence_number"], isUnique: true),
        // No key twice (P3). Serves finding the first message of a key.
        MongoIndex(
            name: .conversationSenderKey, fields: ["conversation_id", "sender_id", "client_message_id"], isUnique: true,
            only: "client_message_id"),
        // Serves the count of what one user sent within a range of numbers, from the index alone.
        MongoIndex(name: .conversationSenderSequence, fields: ["conversation_id", "sender_id", "sequence_number"]),
        // Serves the first number that was stored after a time, from the index alone.
        MongoIndex(name: .conversationCreated, fields: ["conversation_id", "created_at", "sequence_number"]),
        // Serves the conversations in which a medium was sent. An entry for each medium of a message, none without.
        MongoIndex(name: .media, fields: ["media_ids", "conversation_id"], only: "media_ids.0"),
        // `_id`, which is always there, serves RepairLog: messages made from a time on.
    ]

    /// As `createIndexes` wants it.
    var document: BSON {
        BSON { index in
            index.set("key") { key in
                for field in fields { key.set(field, int32: 1) }
            }
            index.set("name", name.rawValue)
            if isUnique { index.set("unique", true) }
            if let only { index.set("partialFilterExpression") { $0.set(only) { $0.set("$exists", true) } } }
        }
    }
}
