public import ParleyModel

/// Conversations, their participants, mutes and read markers: the rules over the store.
public struct ConversationService: Sendable {
    public struct Limits: Sendable {
        /// Participants of one conversation.
        public var maxParticipants = 200_000
        /// Others named when a group is created; more are added one by one.
        public var maxInitialParticipants = 1000
        /// Code points of a title.
        public var titleLength = 200

        public init() {}
    }

    let store: any ConversationStore
    let access: ConversationAccess
    let bus: any EventBus
    let timeSource: any TimeSource
    let limits: Limits

    public init(
        store: any ConversationStore, access: ConversationAccess, bus: any EventBus, timeSource: any TimeSource, limits: Limits = .init()
    ) {
        self.store = store
        self.access = access
        self.bus = bus
        self.timeSource = timeSource
        self.limits = limits
    }

    // MARK: Creating

    /// The direct conversation of the caller and another user; `created` is false when it existed.
    public func direct(with other: UserID, as caller: Caller) async throws(ParleyError) -> (view: ConversationView, created: Bool) {
        let user = try caller.requiredUser()
        guard other != user else { throw .invalid("participant_ids", "must name another user") }
        let (id, created) = try await stored { () async throws(StoreError) in
            try await store.direct(between: user, and: other, id: .random(), at: timeSource.now())
        }
        if created { await tellAdded([user, other], to: id, roles: [.member, .member]) }
        return (try await view(id, as: caller), created)
    }

    /// A new group with the caller as owner.
    public func createGroup(title: String?, with others: [UserID], as caller: Caller) async throws(ParleyError) -> ConversationView {
        let user = try caller.requiredUser()
        try check(title)
        guard others.count <= limits.maxInitialParticipants else {
            throw .invalid("participant_ids", "may hold at most \(limits.maxInitialParticipants) ids")
        }
        let members = Set(others).subtracting([user]).sorted()
        let id = ConversationID.random()
        try await stored { () async throws(StoreError) in
            try await store.createGroup(id: id, title: title, creator: user, others: members, at: timeSource.now())
        }
        await tellAdded([user] + members, to: id, roles: [.owner] + members.map { _ in .member })
        return try await view(id, as: caller)
    }

    private func check(_ title: String?) throws(ParleyError) {
        guard let title else { return }
        guard !title.isEmpty else { throw .invalid("title", "must not be empty; null takes it away") }
        try checkText(title, "title", length: limits.titleLength)
    }

    private func tellAdded(_ users: [UserID], to id: ConversationID, roles: [Role]) async {
        for user in users { access.forget(user, in: id) }
        await bus.publish(zip(users, roles).map { .participantChanged(id, $0, $1) })
    }

    // MARK: Reading

    public func view(_ id: ConversationID, as caller: Caller) async throws(ParleyError) -> ConversationView {
        let user = try caller.requiredUser()
        let view = try await stored { () async throws(StoreError) in try await store.view(of: id, for: user) }
        guard let view else { throw try await access.refusal(for: id) }
        return view
    }

    public func list(limit: Int, cursor: String?, as caller: Caller) async throws(ParleyError)
        -> (views: [ConversationView], nextCursor: String?)
    {
        let user = try caller.requiredUser()
        return try await stored { () async throws(StoreError) in try await store.list(for: user, limit: limit, cursor: cursor) }
    }

    public func participants(of id: ConversationID, limit: Int, cursor: String?, as caller: Caller) async throws(ParleyError)
        -> (participants: [Participant], nextCursor: String?)
    {
        try await access.require(.read, of: try caller.requiredUser(), in: id)
        return try await stored { () async throws(StoreError) in try await store.participants(of: id, limit: limit, cursor: cursor) }
    }

    // MARK: Changing

    public func rename(_ id: ConversationID, to title: String?, as caller: Caller) async throws(ParleyError) -> ConversationView {
        try check(title)
        try await requireGroup(id, as: caller)
        try await access.require(.rename, of: try caller.requiredUser(), in: id)
        guard try await stored({ () async throws(StoreError) in try await store.rename(id, to: title) }) else {
            throw ParleyError(.conversationNotFound, "there is no conversation with this id")
        }
        await bus.publish([.conversationChanged(id)])
        return try await view(id, as: caller)
    }

    /// Adds a participant or changes their role; `added` tells which.
    public func setRole(of user: UserID, in id: ConversationID, to role: Role, as caller: Caller) async throws(ParleyError)
        -> (participant: Participant, added: Bool)
    {
        try await requireGroup(id, as: caller)
        let current = try await storedRole(of: user, in: id)
        try await access.require(Permissions.action(changing: current, to: role), of: try caller.requiredUser(), in: id)
        let change = try await stored { () async throws(StoreError) in
            try await store.setRole(of: user, in: id, to: role, maxParticipants: limits.maxParticipants, at: timeSource.now())
        }
        switch change {
        case .added(let participant), .changed(let participant):
            access.forget(user, in: id)
            await bus.publish([.participantChanged(id, user, role)])
            if case .added = change { return (participant, true) }
            return (participant, false)
        case .lastOwner: throw Self.lastOwner
        case .full: throw ParleyError(.tooManyParticipants, "a conversation has at most \(limits.maxParticipants) participants")
        case .noConversation: throw ParleyError(.conversationNotFound, "there is no conversation with this id")
        }
    }

    /// Takes a participant out, or lets the caller leave. No message that is stored after this has returned reaches one of
    /// their open sockets on this node; the sockets of other nodes follow within a second (P7).
    public func remove(_ user: UserID, from id: ConversationID, as caller: Caller) async throws(ParleyError) {
        try await requireGroup(id, as: caller)
        let callerID = try caller.requiredUser()
        if user == callerID {
            try await access.require(.leave, of: user, in: id)
        } else {
            let current = try await storedRole(of: user, in: id)
            try await access.require(Permissions.action(changing: current, to: nil), of: callerID, in: id)
        }
        switch try await stored({ () async throws(StoreError) in try await store.remove(user, from: id) }) {
        case .removed:
            access.forget(user, in: id)
            await bus.publish([.participantChanged(id, user, nil)])
        case .notAParticipant: throw ParleyError(.participantNotFound, "this user is not a participant of the conversation")
        case .lastOwner: throw Self.lastOwner
        }
    }

    private static let lastOwner = ParleyError(.lastOwner, "the only owner must make someone else owner first")

    private func storedRole(of user: UserID, in id: ConversationID) async throws(ParleyError) -> Role? {
        try await stored { () async throws(StoreError) in try await store.role(of: user, in: id) }
    }

    private func requireGroup(_ id: ConversationID, as caller: Caller) async throws(ParleyError) {
        guard try await view(id, as: caller).conversation.type == .group else {
            throw ParleyError(.directConversationFixed, "a direct conversation has no title and always the same two participants")
        }
    }

    // MARK: The caller's own state

    public func setMute(_ mute: Mute, in id: ConversationID, as caller: Caller) async throws(ParleyError) -> MuteState {
        let user = try caller.requiredUser()
        guard try await stored({ () async throws(StoreError) in try await store.setMute(mute, for: user, in: id) }) else {
            throw try await access.refusal(for: id)
        }
        return MuteState(mute, at: timeSource.now())
    }

    public func advanceRead(in id: ConversationID, to sequenceNumber: Int64, as caller: Caller) async throws(ParleyError) -> ReadState {
        guard sequenceNumber >= 0 else { throw .invalid("sequence_number", "must not be negative") }
        let user = try caller.requiredUser()
        let state = try await stored { () async throws(StoreError) in
            try await store.advanceRead(of: user, in: id, to: sequenceNumber)
        }
        guard let state else { throw try await access.refusal(for: id) }
        return state
    }

    private func stored<Value: Sendable>(_ call: () async throws(StoreError) -> Value) async throws(ParleyError) -> Value {
        do { return try await call() } catch { throw ParleyError(error) }
    }
}
