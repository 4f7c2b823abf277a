import ParleyCore
import ParleyModel

/// The events' JSON between nodes. Kinds are words of ours, not those that clients are told.
extension BusEvent {
    /// Nil for a message.
    var kind: String? {
        switch self {
        case .message: nil
        case .conversationCreated: "conversation_created"
        case .conversationChanged: "conversation_changed"
        case .participantChanged: "participant_changed"
        case .muteChanged: "mute_changed"
        case .notificationLevelChanged: "notification_level_changed"
        case .read: "read"
        case .delivered: "delivered"
        case .receipts: "receipts"
        case .typing: "typing"
        case .presence: "presence"
        case .tokensRevoked: "tokens_revoked"
        }
    }

    func writeMembers(to json: inout JSONWriter) {
        switch self {
        case .message: break
        case .conversationCreated(let id, let users):
            json.member("conversation_id", id)
            json.name("user_ids")
            json.array(users) { $0.id($1) }
        case .conversationChanged(let id, let stamp):
            json.member("conversation_id", id)
            json.member("version", stamp.version)
            json.name("title")
            json.optional(stamp.title) { $0.string($1) }
            json.member("participant_count", stamp.participantCount)
        case .participantChanged(let change, let last): change.writeMembers(to: &json, lastSequence: last)
        case .muteChanged(let id, let user, let state):
            json.member("conversation_id", id)
            json.member("user_id", user)
            json.name("state")
            state.write(to: &json)
        case .notificationLevelChanged(let id, let user, let level):
            json.member("conversation_id", id)
            json.member("user_id", user)
            json.name("level")
            json.string(level.rawValue)
        case .read(let id, let user, let state, let toOthers):
            json.member("conversation_id", id)
            json.member("user_id", user)
            json.name("state")
            state.write(to: &json)
            json.member("to_others", toOthers)
        case .delivered(let id, let user, let number):
            json.member("conversation_id", id)
            json.member("user_id", user)
            json.member("sequence_number", number)
        case .receipts(let id, let counts):
            json.member("conversation_id", id)
            json.name("counts")
            counts.write(to: &json)
        case .typing(let id, let user, let isTyping):
            json.member("conversation_id", id)
            json.member("user_id", user)
            json.member("is_typing", isTyping)
        case .presence(let user, let state):
            json.member("user_id", user)
            json.name("state")
            state.write(to: &json)
        case .tokensRevoked(let user, let before):
            json.member("user_id", user)
            json.name("before")
            json.timestamp(before)
        }
    }
}

extension ParticipantChange {
    fileprivate func writeMembers(to json: inout JSONWriter, lastSequence: Int64) {
        json.member("conversation_id", conversationID)
        json.member("user_id", userID)
        json.name("change")
        json.string(kind.rawValue)
        json.name("role")
        json.optional(role) { $0.string($1.rawValue) }
        json.member("participant_count", participantCount)
        json.member("version", version)
        json.member("last_sequence", lastSequence)
    }
}

extension JSONWriter {
    fileprivate mutating func member<Kind>(_ name: StaticString, _ id: Identifier<Kind>) {
        self.name(name)
        self.id(id)
    }

    fileprivate mutating func member(_ name: StaticString, _ number: Int64) {
        self.name(name)
        integer(number)
    }

    fileprivate mutating func member(_ name: StaticString, _ value: Bool) {
        self.name(name)
        bool(value)
    }
}
