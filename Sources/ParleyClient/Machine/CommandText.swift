import ParleyModel

/// The JSON of a client's commands.
enum CommandText {
    static func authenticate(_ id: Int64, token: String) -> [UInt8] {
        command(id, "authenticate") { json in
            json.name("token")
            json.string(token)
        }
    }

    /// One part of a subscription; the last one has no `more`.
    static func subscribe(_ id: Int64, _ part: SubscribePart) -> [UInt8] {
        command(id, "subscribe") { json in
            if let cursor = part.cursor {
                json.name("cursor")
                json.string(cursor)
            }
            if !part.positions.isEmpty {
                json.name("positions")
                json.object { json in
                    for (conversation, number) in part.positions {
                        json.name(conversation.description)
                        json.integer(number)
                    }
                }
            }
            if let limit = part.replayLimit {
                json.name("replay_limit")
                json.integer(limit)
            }
            if let ids = part.conversationIDs {
                json.name("conversation_ids")
                json.array(ids) { $0.id($1) }
            }
            if part.hasMore {
                json.name("more")
                json.bool(true)
            }
        }
    }

    static func request(_ id: Int64, _ request: ClientRequest) -> [UInt8] {
        switch request {
        case .send(let message): command(id, "send") { message.write(to: &$0) }
        case .read(let conversation, let number): marker(id, "read", conversation, number)
        case .presence(let users):
            command(id, "presence") { json in
                json.name("user_ids")
                json.array(users) { $0.id($1) }
            }
        }
    }

    static func marker(_ id: Int64, _ type: String, _ conversation: ConversationID, _ number: Int64) -> [UInt8] {
        command(id, type) { json in
            json.name("conversation_id")
            json.id(conversation)
            json.name("sequence_number")
            json.integer(number)
        }
    }

    static func typing(_ id: Int64, _ conversation: ConversationID, isTyping: Bool) -> [UInt8] {
        command(id, "typing") { json in
            json.name("conversation_id")
            json.id(conversation)
            json.name("is_typing")
            json.bool(isTyping)
        }
    }

    static func activity(_ id: Int64, isActive: Bool) -> [UInt8] {
        command(id, "activity") { json in
            json.name("active")
            json.bool(isActive)
        }
    }

    private static func command(_ id: Int64, _ type: String, _ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("id")
            json.integer(id)
            json.name("type")
            json.string(type)
            members(&json)
        }
        return json.bytes
    }
}
