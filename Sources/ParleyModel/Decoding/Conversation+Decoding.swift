extension ConversationView {
    /// Reads what ``write(to:at:)`` writes. A mute that had ended when it was written is read as none.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            conversation: try Conversation(json), role: try json.requiredWord("role"), mute: Mute(try MuteState(json)),
            // A server from before there were levels does not say it.
            notificationLevel: try json.word("notification_level") ?? .all, readState: try ReadState(json))
    }
}

extension Conversation {
    /// Reads the part of a view that everybody in the conversation shares.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            id: try json.requiredID("id"), type: try json.requiredWord("type"), title: try json.string("title"),
            createdBy: try json.requiredID("created_by"), createdAt: try json.requiredTimestamp("created_at"),
            directUserIDs: try json.ids("participant_ids"), participantCount: try json.requiredInteger("participant_count"),
            lastMessage: try LastMessage(json), lastSequence: try json.requiredInteger("last_sequence"),
            version: try json.requiredInteger("version"))
    }
}

extension LastMessage {
    /// Reads the `last_message_…` members; nil when there is no message yet.
    public init?(_ json: JSONObject) throws(FieldError) {
        guard let id = try json.messageID("last_message_id") else { return nil }
        self.init(
            id: id, at: try json.requiredTimestamp("last_message_at"), preview: try json.requiredString("last_message_preview"))
    }
}

extension ConversationStamp {
    /// Reads the members of a change that everybody sees.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            version: try json.requiredInteger("version"), title: try json.string("title"),
            participantCount: try json.requiredInteger("participant_count"))
    }
}

extension Participant {
    /// Reads what ``write(to:)`` writes.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            userID: try json.requiredID("user_id"), role: try json.requiredWord("role"),
            joinedAt: try json.requiredTimestamp("joined_at"), lastReadSequence: try json.requiredInteger("last_read_sequence"),
            lastDeliveredSequence: try json.requiredInteger("last_delivered_sequence"))
    }
}

extension ReadState {
    /// Reads what ``write(to:)`` writes, also out of a conversation's view.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            lastReadSequence: try json.requiredInteger("last_read_sequence"), unreadCount: try json.requiredInteger("unread_count"),
            lastSequence: try json.requiredInteger("last_sequence"))
    }
}

extension MuteState {
    /// Reads what ``write(to:)`` writes, also out of a conversation's view.
    public init(_ json: JSONObject) throws(FieldError) {
        muted = try json.requiredBoolean("muted")
        let end = try json.timestamp("muted_until")
        until = muted ? end : nil
    }
}

extension Mute {
    /// The mute that a state tells of.
    public init(_ state: MuteState) {
        self = state.muted ? state.until.map(Mute.until) ?? .forever : .off
    }
}

extension PresenceState {
    /// Reads what ``write(to:)`` writes.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(online: try json.requiredBoolean("online"), lastSeenAt: try json.timestamp("last_seen_at"))
    }
}

extension ReceiptCounts {
    /// Reads what ``write(to:)`` writes, as an event or as an answer.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            sequenceNumber: try json.requiredInteger("sequence_number"), readCount: try json.requiredInteger("read_count"),
            deliveredCount: try json.requiredInteger("delivered_count"), conversationID: try json.id("conversation_id"))
    }
}
