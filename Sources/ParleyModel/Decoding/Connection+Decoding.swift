extension Hello {
    /// Reads the server's first words.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            session: try json.requiredString("session"), userID: try json.id("user_id"),
            heartbeatIntervalMilliseconds: try json.requiredInteger("heartbeat_interval_ms"),
            limits: try Limits(try json.requiredObject("limits")), serverTime: try json.requiredTimestamp("server_time"))
    }
}

extension Hello.Limits {
    /// Reads what ``write(to:)`` writes.
    public init(_ json: JSONObject) throws(FieldError) {
        self.init(
            frameBytes: try json.requiredInteger("frame_bytes"), outboundBytes: try json.requiredInteger("outbound_bytes"),
            commandsPerSecond: try json.requiredInteger("commands_per_second"), positions: try json.requiredInteger("positions"),
            subscriptions: try json.requiredInteger("subscriptions"), presenceUsers: try json.requiredInteger("presence_users"),
            socketsPerUser: try json.requiredInteger("sockets_per_user"),
            receiptsParticipants: try json.requiredInteger("receipts_participants"),
            typingIntervalMilliseconds: try json.requiredInteger("typing_interval_ms"))
    }
}

extension Heartbeat {
    /// Reads a `heartbeat` event.
    public init(_ json: JSONObject) throws(FieldError) {
        var sequences: [ConversationID: Int64] = [:]
        for (name, value) in try json.requiredObject("sequences").members {
            guard let id = ConversationID(name) else { throw .invalid("sequences", reason: "must have UUIDs as names") }
            guard case .integer(let number) = value else { throw .invalid("sequences", reason: "must hold sequence numbers") }
            sequences[id] = number
        }
        self.init(serverTime: try json.requiredTimestamp("server_time"), cursor: try json.string("cursor"), sequences: sequences)
    }
}
