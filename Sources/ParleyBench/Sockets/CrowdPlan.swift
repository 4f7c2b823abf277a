import ParleyModel

/// Who listens to one conversation: the listeners, then those who may read slowly, then the senders, who listen to nothing.
struct CrowdPlan: Sendable {
    let conversation = ConversationID.random()
    let listeners: [UserID]
    let slow: [UserID]
    let senders: [UserID]

    init(listeners: Int, slow: Int, senders: Int) {
        self.listeners = (0..<listeners).map { _ in .random() }
        self.slow = (0..<slow).map { _ in .random() }
        self.senders = (0..<senders).map { _ in .random() }
    }

    var users: [UserID] { listeners + slow + senders }
    var listenerPlaces: Range<Int> { listeners.indices }
    var slowPlaces: Range<Int> { listeners.count..<listeners.count + slow.count }
    var senderPlaces: Range<Int> { slowPlaces.upperBound..<users.count }

    func roles(_ token: (UserID) async throws -> String) async throws -> [SocketReceiver.Role] {
        var roles: [SocketReceiver.Role] = []
        for user in listeners + slow { roles.append(.listening(conversation, token: try await token(user), from: 0)) }
        for user in senders { roles.append(.sending(token: try await token(user))) }
        return roles
    }
}

/// Many small conversations, each user in one of them.
struct ConversationsPlan: Sendable {
    let conversations: [ConversationID]
    let participants: Int
    let users: [UserID]

    /// Messages in each conversation that every socket has yet to catch up with.
    static let messages = 5

    init(conversations: Int, participants: Int) {
        self.conversations = (0..<conversations).map { _ in .random() }
        self.participants = participants
        users = (0..<conversations * participants).map { _ in .random() }
    }

    func participants(of place: Int) -> ArraySlice<UserID> { users[place * participants..<(place + 1) * participants] }

    func roles(_ token: (UserID) async throws -> String) async throws -> [SocketReceiver.Role] {
        var roles: [SocketReceiver.Role] = []
        for (place, user) in users.enumerated() {
            roles.append(.listening(conversations[place / participants], token: try await token(user), from: 0))
        }
        return roles
    }

    /// As the sockets see them when each has its conversation's messages up to `position`.
    func standing(at position: Int64) -> OpenLoopRun.Conversations {
        OpenLoopRun.Conversations(ids: conversations, participants: participants, position: position)
    }
}
