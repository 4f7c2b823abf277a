extension EnrichedMessage {
    /// Reads what ``write(to:)`` writes.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(message: try Message(json), media: try json.objects("media") { object throws(FieldError) in try Media(object) })
    }
}

extension Message {
    /// Reads a message; its media's metadata is left aside.
    public init(_ json: JSONObject) throws(FieldError) {
        guard let id = try json.messageID("id") else { throw .missing("id") }
        guard let sequenceNumber = try json.integer("sequence_number") else { throw .missing("sequence_number") }
        guard sequenceNumber > 0 else { throw .invalid("sequence_number", reason: "must be at least 1") }
        self.init(
            id: id, conversationID: try json.requiredID("conversation_id"), senderID: try json.requiredID("sender_id"),
            clientMessageID: try json.string("client_message_id"), messageType: try json.requiredWord("message_type"),
            content: try json.requiredString("content"), mediaIDs: try json.ids("media_ids"), sequenceNumber: sequenceNumber,
            createdAt: try json.requiredTimestamp("created_at"))
    }
}

extension Media {
    /// Reads what ``write(to:)`` writes.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            id: try json.requiredID("id"), ownerID: try json.requiredID("owner_id"), kind: try json.requiredWord("kind"),
            name: try json.requiredString("name"), size: try json.requiredInteger("size"),
            contentType: try json.requiredString("content_type"), url: try json.requiredString("url"),
            width: try json.integer("width"), height: try json.integer("height"),
            durationMilliseconds: try json.integer("duration_ms"), createdAt: try json.requiredTimestamp("created_at"))
    }
}

extension MessagePage {
    /// Reads what ``write(to:)`` writes.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            messages: try json.objects("messages") { object throws(FieldError) in try EnrichedMessage(object) },
            hasMore: try json.requiredBoolean("has_more"), lastSequence: try json.requiredInteger("last_sequence"))
    }
}
