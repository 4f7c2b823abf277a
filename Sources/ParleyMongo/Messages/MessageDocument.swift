import ParleyCore
import ParleyModel

/// A message as it stands in the collection `messages`: a public contract that other programs may read.
enum MessageDocument {
    static let collection = "messages"

    static func document(_ message: Message) -> BSON {
        BSON { document in
            document.set("_id", message.id)
            document.set("conversation_id", message.conversationID)
            document.set("sender_id", message.senderID)
            document.set("message_type", message.messageType.rawValue)
            document.set("content", message.content)
            document.setArray("media_ids", message.mediaIDs)
            document.set("sequence_number", message.sequenceNumber)
            document.set("created_at", message.createdAt)
            // Left out when there is none: the unique index holds only documents that have it.
            if let key = message.clientMessageID { document.set("client_message_id", key) }
        }
    }

    static func messages(_ documents: [BSON]) throws(StoreError) -> [Message] {
        do throws(DamagedDocument) {
            var messages: [Message] = []
            messages.reserveCapacity(documents.count)
            for document in documents { messages.append(try message(document)) }
            return messages
        } catch {
            throw .unexpected("mongodb: a message without a readable \(error.field)")
        }
    }

    /// The fields that ``heads(_:)`` reads.
    static var headFields: BSON {
        BSON { fields in
            for name in ["conversation_id", "sequence_number", "sender_id"] { fields.set(name, int32: 1) }
        }
    }

    static func heads(_ documents: [BSON]) throws(StoreError) -> [MessageHead] {
        do throws(DamagedDocument) {
            return try documents.map { document throws(DamagedDocument) in
                MessageHead(
                    id: try document.messageID("_id"), conversationID: try document.id("conversation_id"),
                    sequenceNumber: try document.number("sequence_number"), senderID: try document.id("sender_id"))
            }
        } catch {
            throw .unexpected("mongodb: a message without a readable \(error.field)")
        }
    }

    private static func message(_ document: BSON) throws(DamagedDocument) -> Message {
        guard let type = MessageType(rawValue: try document.text("message_type")) else { throw DamagedDocument(field: "message_type") }
        return Message(
            id: try document.messageID("_id"), conversationID: try document.id("conversation_id"),
            senderID: try document.id("sender_id"), clientMessageID: document.optionalText("client_message_id"), messageType: type,
            content: try document.text("content"), mediaIDs: try document.ids("media_ids"),
            sequenceNumber: try document.number("sequence_number"), createdAt: try document.time("created_at"))
    }
}

/// A sender's key in a conversation, as bytes: two strings that Swift holds for equal (é as one scalar or as two) are two
/// keys.
struct MessageKey: Hashable {
    let conversation: ConversationID
    let sender: UserID
    let bytes: [UInt8]

    init?(_ conversation: ConversationID, _ sender: UserID, _ clientMessageID: String?) {
        guard let clientMessageID else { return nil }
        self.conversation = conversation
        self.sender = sender
        bytes = Array(clientMessageID.utf8)
    }

    init?(_ message: NewMessage) { self.init(message.conversationID, message.senderID, message.clientMessageID) }

    init?(_ message: Message) { self.init(message.conversationID, message.senderID, message.clientMessageID) }
}
