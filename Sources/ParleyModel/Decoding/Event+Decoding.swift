extension Event {
    /// Reads an event's JSON; nil for a type that is not known here, which a client ignores.
    ///
    /// What the text does not say is when a view was true; `time` fills that in. It matters only to who writes the event
    /// again, and with the default nothing of a mute is lost then.
    public init?(_ json: JSONObject, at time: Timestamp = Timestamp(milliseconds: 0)) throws(FieldError) {
        let type = try json.requiredString("type")
        if let event = try Self.told(type, json, at: time) {
            self = event
        } else if let event = try Self.ofConnection(type, json) {
            self = event
        } else {
            return nil
        }
    }

    /// Events about conversations and users.
    private static func told(_ type: String, _ json: JSONObject, at time: Timestamp) throws(FieldError) -> Event? {
        switch type {
        case "message": .message(try EnrichedMessage(try json.requiredObject("message")))
        case "conversation": .conversation(try ConversationChange(json, at: time))
        case "participant": .participant(try ParticipantChange(json))
        case "mute": .mute(try json.requiredID("conversation_id"), try MuteState(json))
        case "notification_level":
            .notificationLevel(try json.requiredID("conversation_id"), try json.requiredWord("notification_level"))
        case "read": .read(try ReadMarker(json))
        case "delivered": .delivered(try DeliveredMarker(json))
        case "receipts": .receipts(try Self.receipts(json))
        case "typing":
            .typing(
                try json.requiredID("conversation_id"), try json.requiredID("user_id"), isTyping: try json.requiredBoolean("is_typing"))
        case "presence": .presence(try json.requiredID("user_id"), try PresenceState(json))
        default: nil
        }
    }

    /// Events about the connection itself.
    private static func ofConnection(_ type: String, _ json: JSONObject) throws(FieldError) -> Event? {
        switch type {
        case "hello": .hello(try Hello(json))
        case "behind": .behind(try json.requiredID("conversation_id"), sequenceNumber: try json.requiredInteger("sequence_number"))
        case "skipped":
            .skipped(
                try json.requiredID("conversation_id"), after: try json.requiredInteger("after_sequence"),
                through: try json.requiredInteger("sequence_number"))
        case "caught_up": .caughtUp(cursor: try json.requiredString("cursor"))
        case "heartbeat": .heartbeat(try Heartbeat(json))
        case "going_away": .goingAway(reconnectAfterMilliseconds: try json.requiredInteger("reconnect_after_ms"))
        case "closing": .closing(code: try json.requiredInteger("code"), reason: try json.requiredString("reason"))
        default: nil
        }
    }

    private static func receipts(_ json: JSONObject) throws(FieldError) -> ReceiptCounts {
        let counts = try ReceiptCounts(json)
        guard counts.conversationID != nil else { throw .missing("conversation_id") }
        return counts
    }
}

extension ConversationChange {
    /// Reads a change: `updated` with a whole view is ``refreshed(_:at:)``, else ``updated(_:_:)``.
    public init(_ json: JSONObject, at time: Timestamp = Timestamp(milliseconds: 0)) throws(FieldError) {
        switch try json.requiredString("change") {
        case "added": self = .added(try ConversationView(try json.requiredObject("conversation")), at: time)
        case "updated":
            let conversation = try json.requiredObject("conversation")
            if conversation.member("type") == nil {
                self = .updated(try json.requiredID("conversation_id"), try ConversationStamp(conversation))
            } else {
                self = .refreshed(try ConversationView(conversation), at: time)
            }
        case "removed": self = .removed(try json.requiredID("conversation_id"))
        default: throw .invalid("change", reason: "must be added, updated or removed")
        }
    }
}

extension ParticipantChange {
    /// Reads a `participant` event.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            conversationID: try json.requiredID("conversation_id"), userID: try json.requiredID("user_id"),
            kind: try json.requiredWord("change"), role: try json.word("role"),
            participantCount: try json.requiredInteger("participant_count"), version: try json.requiredInteger("version"))
    }
}

extension ReadMarker {
    /// Reads a `read` event. The two members of one's own marker come together or not at all.
    public init(_ json: JSONObject) throws(FieldError) {
        var own: OwnCount?
        if json.member("unread_count") != nil || json.member("last_sequence") != nil {
            own = OwnCount(
                unreadCount: try json.requiredInteger("unread_count"), lastSequence: try json.requiredInteger("last_sequence"))
        }
        self.init(
            conversationID: try json.requiredID("conversation_id"), userID: try json.requiredID("user_id"),
            sequenceNumber: try json.requiredInteger("sequence_number"), own: own)
    }
}

extension DeliveredMarker {
    /// Reads a `delivered` event.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            conversationID: try json.requiredID("conversation_id"), userID: try json.requiredID("user_id"),
            sequenceNumber: try json.requiredInteger("sequence_number"))
    }
}
