import ParleyCore
import ParleyModel

extension MongoConnection {
    /// The highest numbers of those conversations that have messages. One step of the index on (conversation_id,
    /// sequence_number) for each (a "distinct scan"), however many messages there are.
    func lastNumbers(of conversations: [ConversationID]) throws(StoreError) -> [ConversationID: Int64] {
        let found = try aggregate(
            by: .conversationSequence,
            [
                BSON { $0.set("$match") { $0.set("conversation_id") { $0.setArray("$in", conversations) } } },
                BSON {
                    $0.set("$sort") {
                        $0.set("conversation_id", int32: -1)
                        $0.set("sequence_number", int32: -1)
                    }
                },
                BSON {
                    $0.set("$group") {
                        $0.set("_id", "$conversation_id")
                        $0.set("number") { $0.set("$first", "$sequence_number") }
                    }
                },
            ])
        return try Self.numbers(found)
    }

    /// Reads documents of the form `{_id: conversation, number}`.
    static func numbers(_ documents: [BSON]) throws(StoreError) -> [ConversationID: Int64] {
        do throws(DamagedDocument) {
            var numbers: [ConversationID: Int64] = [:]
            for document in documents { numbers[try document.id("_id")] = try document.number("number") }
            return numbers
        } catch {
            throw .unexpected("mongodb: a conversation without a readable \(error.field)")
        }
    }

    /// The messages with those numbers that are stored, ascending.
    func messages(of conversation: ConversationID, _ numbers: ClosedRange<Int64>) throws(StoreError) -> [Message] {
        let filter = BSON { filter in
            filter.set("conversation_id", conversation)
            filter.set("sequence_number") {
                $0.set("$gte", numbers.lowerBound)
                $0.set("$lte", numbers.upperBound)
            }
        }
        return try MessageDocument.messages(try find(filter, by: .conversationSequence, sort: ("sequence_number", true)))
    }

    /// The first messages of those keys that are stored.
    func messages(withKeysOf wanted: [NewMessage]) throws(StoreError) -> [MessageKey: Message] {
        let found = try find(BSON { $0.setArray("$or", of: wanted) { $0.set($1, Self.keyFilter($2)) } }, by: .conversationSenderKey)
        var messages: [MessageKey: Message] = [:]
        for message in try MessageDocument.messages(found) {
            if let key = MessageKey(message) { messages[key] = message }
        }
        return messages
    }

    private static func keyFilter(_ message: NewMessage) -> BSON {
        keyFilter(message.conversationID, message.senderID, message.clientMessageID ?? "")
    }

    static func keyFilter(_ conversation: ConversationID, _ sender: UserID, _ clientMessageID: String) -> BSON {
        BSON { filter in
            filter.set("conversation_id", conversation)
            filter.set("sender_id", sender)
            filter.set("client_message_id", clientMessageID)
        }
    }
}
