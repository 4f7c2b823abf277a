import NIOHTTP1
public import ParleyModel

/// Changing conversations over REST; what changes is told by events as well, to this client too.
extension ParleyClient {
    /// The direct conversation with another user: the one there is, or a new one.
    public nonisolated func createDirect(with user: UserID) async throws -> ConversationView {
        try await create { json in
            json.name("type")
            json.string(ConversationType.direct.rawValue)
            json.name("participant_ids")
            json.array([user]) { $0.id($1) }
        }
    }

    /// A new group, of which the caller is the owner.
    public nonisolated func createGroup(title: String?, with users: [UserID] = []) async throws -> ConversationView {
        try await create { json in
            json.name("type")
            json.string(ConversationType.group.rawValue)
            json.name("title")
            json.optional(title) { $0.string($1) }
            json.name("participant_ids")
            json.array(users) { $0.id($1) }
        }
    }

    private nonisolated func create(_ members: (inout JSONWriter) -> Void) async throws -> ConversationView {
        try ConversationView(try await rest.object(.init(method: .POST, path: "/v1/conversations", body: Self.body(members))))
    }

    /// Gives a group another title, or none.
    @discardableResult
    public nonisolated func rename(_ id: ConversationID, to title: String?) async throws -> ConversationView {
        let body = Self.body { json in
            json.name("title")
            json.optional(title) { $0.string($1) }
        }
        return try ConversationView(try await rest.object(.init(method: .PATCH, path: "/v1/conversations/\(id)", body: body)))
    }

    /// Adds a user to a group, or gives a participant another role.
    @discardableResult
    public nonisolated func setParticipant(
        _ user: UserID, in id: ConversationID, role: Role = .member
    ) async throws -> Participant {
        let body = Self.body { json in
            json.name("role")
            json.string(role.rawValue)
        }
        return try Participant(try await rest.object(.init(method: .PUT, path: Self.path(user, id), body: body)))
    }

    /// Takes a participant out of a group; oneself to leave it.
    public nonisolated func removeParticipant(_ user: UserID, from id: ConversationID) async throws {
        try await rest.finish(.init(method: .DELETE, path: Self.path(user, id)))
    }

    /// No notifications of the conversation until a moment, or until ``unmute(_:)``.
    @discardableResult
    public nonisolated func mute(_ id: ConversationID, until end: Timestamp? = nil) async throws -> MuteState {
        let body = Self.body { json in
            json.name("until")
            json.optional(end) { $0.timestamp($1) }
        }
        return try MuteState(try await rest.object(.init(method: .PUT, path: "/v1/conversations/\(id)/mute", body: body)))
    }

    /// Notifications of the conversation again.
    @discardableResult
    public nonisolated func unmute(_ id: ConversationID) async throws -> MuteState {
        try MuteState(try await rest.object(.init(method: .DELETE, path: "/v1/conversations/\(id)/mute")))
    }

    /// Of which messages of the conversation the caller is alerted.
    public nonisolated func setNotificationLevel(_ level: NotificationLevel, of id: ConversationID) async throws {
        let body = Self.body { json in
            json.name("level")
            json.string(level.rawValue)
        }
        try await rest.finish(.init(method: .PUT, path: "/v1/conversations/\(id)/notifications", body: body))
    }

    private static func path(_ user: UserID, _ id: ConversationID) -> String { "/v1/conversations/\(id)/participants/\(user)" }

    private static func body(_ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.object(members)
        return json.bytes
    }
}
