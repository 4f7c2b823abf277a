import ParleyCore
import ParleyModel

extension BusEvent {
    /// Reads what ``writeMembers(to:)`` writes; nil for a kind that is not known here.
    init?(kind: String, _ json: JSONObject) throws(FieldError) {
        if let event = try Self.ofConversation(kind, json) {
            self = event
        } else if let event = try Self.ofParticipant(kind, json) {
            self = event
        } else if let event = try Self.ofUser(kind, json) {
            self = event
        } else {
            return nil
        }
    }

    private static func ofConversation(_ kind: String, _ json: JSONObject) throws(FieldError) -> BusEvent? {
        switch kind {
        case "conversation_created": .conversationCreated(try json.conversation(), try json.ids("user_ids"))
        case "conversation_changed": .conversationChanged(try json.conversation(), try ConversationStamp(json))
        case "participant_changed":
            .participantChanged(try ParticipantChange(json), lastSequence: try json.requiredInteger("last_sequence"))
        case "receipts": .receipts(try json.conversation(), try ReceiptCounts(try json.requiredObject("counts")))
        default: nil
        }
    }

    private static func ofParticipant(_ kind: String, _ json: JSONObject) throws(FieldError) -> BusEvent? {
        switch kind {
        case "mute_changed": .muteChanged(try json.conversation(), try json.user(), try MuteState(try json.requiredObject("state")))
        case "notification_level_changed":
            .notificationLevelChanged(try json.conversation(), try json.user(), try json.requiredWord("level"))
        case "read":
            .read(
                try json.conversation(), try json.user(), try ReadState(try json.requiredObject("state")),
                toOthers: try json.requiredBoolean("to_others"))
        case "delivered":
            .delivered(try json.conversation(), try json.user(), sequenceNumber: try json.requiredInteger("sequence_number"))
        case "typing": .typing(try json.conversation(), try json.user(), isTyping: try json.requiredBoolean("is_typing"))
        default: nil
        }
    }

    private static func ofUser(_ kind: String, _ json: JSONObject) throws(FieldError) -> BusEvent? {
        switch kind {
        case "presence": .presence(try json.user(), try PresenceState(try json.requiredObject("state")))
        case "tokens_revoked": .tokensRevoked(try json.user(), before: try json.requiredTimestamp("before"))
        default: nil
        }
    }
}

extension JSONObject {
    fileprivate func conversation() throws(FieldError) -> ConversationID { try requiredID("conversation_id") }
    fileprivate func user() throws(FieldError) -> UserID { try requiredID("user_id") }
}
