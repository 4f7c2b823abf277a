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
        if created { await tellCreated(id, [user, other]) }
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
        await tellCreated(id, [user] + members)
        return try await view(id, as: caller)
    }

    private func check(_ title: String?) throws(ParleyError) {
        guard let title else { return }
        guard !title.isEmpty else { throw .invalid("title", "must not be empty; null takes it away") }
        try checkText(title, "title", length: limits.titleLength)
    }

    private func tellCreated(_ id: ConversationID, _ users: [UserID]) async {
        for user in users { access.forget(user, in: id) }
        await bus.publish([.conversationCreated(id, users)])
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
        let stamp = try await stored { () async throws(StoreError) in try await store.rename(id, to: title, at: timeSource.now()) }
        guard let stamp else { throw ParleyError(.conversationNotFound, "there is no conversation with this id") }
        await bus.publish([.conversationChanged(id, stamp)])
        return try await view(id, as: caller)
    }

    /// Adds a participant or changes their role; `added` tells which.
    public func setRole(of user: UserID, in id: ConversationID, to role: Role, as caller: Caller) async throws(ParleyError)
        -> (participant: Participant, added: Bool)
    {
        try await requireGroup(id, as: caller)
        let current = try await storedRole(of: user, in: id)
        try await access.require(Permissions.action(changing: current, to: role), of: try caller.requiredUser(), in: id)
        let (change, stamp) = try await stored { () async throws(StoreError) in
            try await store.setRole(of: user, in: id, to: role, maxParticipants: limits.maxParticipants, at: timeSource.now())
        }
        switch change {
        case .added(let participant):
            await tell(.joined, user, role, in: id, stamp, lastSequence: participant.lastReadSequence)
            return (participant, true)
        case .changed(let participant):
            await tell(.role, user, role, in: id, stamp, lastSequence: participant.lastReadSequence)
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
        let (removal, stamp) = try await stored { () async throws(StoreError) in
            try await store.remove(user, from: id, at: timeSource.now())
        }
        switch removal {
        case .removed: await tell(.left, user, nil, in: id, stamp, lastSequence: 0)
        case .notAParticipant: throw ParleyError(.participantNotFound, "this user is not a participant of the conversation")
        case .lastOwner: throw Self.lastOwner
        }
    }

    /// Forgets the cached role before anybody is told, so that who is told already finds the new one.
    private func tell(
        _ kind: ParticipantChange.Kind, _ user: UserID, _ role: Role?, in id: ConversationID, _ stamp: ConversationStamp?,
        lastSequence: Int64
    ) async {
        access.forget(user, in: id)
        guard let stamp else { return }
        let change = ParticipantChange(
            conversationID: id, userID: user, kind: kind, role: role, participantCount: stamp.participantCount, version: stamp.version)
        await bus.publish([.participantChanged(change, lastSequence: lastSequence)])
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
        let now = timeSource.now()
        guard try await stored({ () async throws(StoreError) in try await store.setMute(mute, for: user, in: id, at: now) }) else {
            throw try await access.refusal(for: id)
        }
        let state = MuteState(mute, at: now)
        await bus.publish([.muteChanged(id, user, state)])
        return state
    }

    public func setNotificationLevel(_ level: NotificationLevel, in id: ConversationID, as caller: Caller) async throws(ParleyError) {
        let user = try caller.requiredUser()
        let now = timeSource.now()
        let wasSet = try await stored { () async throws(StoreError) in
            try await store.setNotificationLevel(level, for: user, in: id, at: now)
        }
        guard wasSet else { throw try await access.refusal(for: id) }
        await bus.publish([.notificationLevelChanged(id, user, level)])
    }

    private func stored<Value: Sendable>(_ call: () async throws(StoreError) -> Value) async throws(ParleyError) -> Value {
        do { return try await call() } catch { throw ParleyError(error) }
    }
}
