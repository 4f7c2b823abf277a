extension Event: JSONEncodable {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("type")
            json.string(type)
            writeMembers(to: &json)
        }
    }

    private func writeMembers(to json: inout JSONWriter) {
        switch self {
        case .hello(let hello): hello.writeMembers(to: &json)
        case .message(let message):
            json.name("message")
            message.write(to: &json)
        case .conversation(let change): change.writeMembers(to: &json)
        case .participant(let change): change.writeMembers(to: &json)
        case .mute(let conversation, let state):
            json.conversation(conversation)
            state.writeMembers(to: &json)
        case .notificationLevel(let conversation, let level):
            json.conversation(conversation)
            level.writeMember(to: &json)
        case .read(let marker): marker.writeMembers(to: &json)
        case .delivered(let marker):
            json.place(marker.conversationID, marker.userID)
            json.name("sequence_number")
            json.integer(marker.sequenceNumber)
        case .receipts(let counts): counts.writeMembers(to: &json)
        case .typing(let conversation, let user, let isTyping):
            json.place(conversation, user)
            json.name("is_typing")
            json.bool(isTyping)
        case .presence(let user, let state):
            json.name("user_id")
            json.id(user)
            state.writeMembers(to: &json)
        case .behind(let conversation, let number):
            json.conversation(conversation)
            json.name("sequence_number")
            json.integer(number)
        case .skipped(let conversation, let after, let through):
            json.conversation(conversation)
            json.name("after_sequence")
            json.integer(after)
            json.name("sequence_number")
            json.integer(through)
        case .caughtUp(let cursor):
            json.name("cursor")
            json.string(cursor)
        case .heartbeat(let heartbeat): heartbeat.writeMembers(to: &json)
        case .goingAway(let delay):
            json.name("reconnect_after_ms")
            json.integer(delay)
        case .closing(let code, let reason):
            json.name("code")
            json.integer(code)
            json.name("reason")
            json.string(reason)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func conversation(_ id: ConversationID) {
        name("conversation_id")
        self.id(id)
    }

    fileprivate mutating func place(_ conversation: ConversationID, _ user: UserID) {
        self.conversation(conversation)
        name("user_id")
        id(user)
    }
}

extension Hello {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        json.name("session")
        json.string(session)
        if let userID {
            json.name("user_id")
            json.id(userID)
        }
        json.name("heartbeat_interval_ms")
        json.integer(heartbeatIntervalMilliseconds)
        json.name("limits")
        limits.write(to: &json)
        json.name("server_time")
        json.timestamp(serverTime)
    }
}

extension Hello.Limits: JSONEncodable {
    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("frame_bytes")
            json.integer(frameBytes)
            json.name("outbound_bytes")
            json.integer(outboundBytes)
            json.name("commands_per_second")
            json.integer(commandsPerSecond)
            json.name("positions")
            json.integer(positions)
            json.name("subscriptions")
            json.integer(subscriptions)
            json.name("presence_users")
            json.integer(presenceUsers)
            json.name("sockets_per_user")
            json.integer(socketsPerUser)
            json.name("receipts_participants")
            json.integer(receiptsParticipants)
            json.name("typing_interval_ms")
            json.integer(typingIntervalMilliseconds)
        }
    }
}

extension ConversationChange {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        json.conversation(conversationID)
        json.name("change")
        switch self {
        case .added(let view, let now):
            json.string("added")
            json.name("conversation")
            view.write(to: &json, at: now)
        case .refreshed(let view, let now):
            json.string("updated")
            json.name("conversation")
            view.write(to: &json, at: now)
        case .updated(let id, let stamp):
            json.string("updated")
            json.name("conversation")
            json.object { json in
                json.name("id")
                json.id(id)
                json.name("title")
                json.optional(stamp.title) { $0.string($1) }
                json.name("participant_count")
                json.integer(stamp.participantCount)
                json.name("version")
                json.integer(stamp.version)
            }
        case .removed: json.string("removed")
        }
    }
}

extension ParticipantChange {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        json.place(conversationID, userID)
        json.name("change")
        json.string(kind.rawValue)
        json.name("role")
        json.optional(role) { $0.string($1.rawValue) }
        json.name("participant_count")
        json.integer(participantCount)
        json.name("version")
        json.integer(version)
    }
}

extension ReadMarker {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        json.place(conversationID, userID)
        json.name("sequence_number")
        json.integer(sequenceNumber)
        guard let own else { return }
        json.name("unread_count")
        json.integer(own.unreadCount)
        json.name("last_sequence")
        json.integer(own.lastSequence)
    }
}

extension Heartbeat {
    fileprivate func writeMembers(to json: inout JSONWriter) {
        json.name("server_time")
        json.timestamp(serverTime)
        if let cursor {
            json.name("cursor")
            json.string(cursor)
        }
        json.name("sequences")
        json.object { json in
            for (conversation, number) in sequences {
                json.name(conversation.description)
                json.integer(number)
            }
        }
    }
}
