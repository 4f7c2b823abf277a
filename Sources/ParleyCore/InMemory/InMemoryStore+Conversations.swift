public import ParleyModel

extension InMemoryStore: ConversationStore {
    public func direct(between creator: UserID, and other: UserID, id: ConversationID, at now: Timestamp)
        -> (conversationID: ConversationID, created: Bool)
    {
        if let existing = directs[[creator, other]] { return (existing, false) }
        directs[[creator, other]] = id
        let users = [creator, other].sorted()
        create(
            id: id, type: .direct, title: nil, createdBy: creator, at: now, directUserIDs: users,
            roles: users.map { ($0, .member) })
        return (id, true)
    }

    public func createGroup(id: ConversationID, title: String?, creator: UserID, others: [UserID], at now: Timestamp) {
        create(
            id: id, type: .group, title: title, createdBy: creator, at: now, directUserIDs: [],
            roles: others.map { ($0, .member) } + [(creator, .owner)])
    }

    private func create(
        id: ConversationID, type: ConversationType, title: String?, createdBy: UserID, at now: Timestamp,
        directUserIDs: [UserID], roles: [(UserID, Role)]
    ) {
        var participants: [UserID: ParticipantRecord] = [:]
        for (user, role) in roles { participants[user] = ParticipantRecord(role: role, joinedAt: now, lastReadSequence: 0) }
        conversations[id] = ConversationRecord(
            id: id, type: type, title: title, createdBy: createdBy, createdAt: now, directUserIDs: directUserIDs,
            participants: participants, changedAt: now)
        noteActivity(of: id, at: now)
    }

    private func noteActivity(of conversation: ConversationID, at time: Timestamp) {
        activityClock += 1
        conversations[conversation]?.activities.append((activityClock, time))
    }

    public func view(of conversation: ConversationID, for user: UserID) -> ConversationView? {
        conversations[conversation]?.view(for: user)
    }

    public func views(of conversations: [ConversationID], for user: UserID) -> [ConversationView] {
        conversations.compactMap { view(of: $0, for: user) }
    }

    public func exists(_ conversation: ConversationID) -> Bool {
        conversations[conversation] != nil
    }

    public func rename(_ conversation: ConversationID, to title: String?, at now: Timestamp) -> ConversationStamp? {
        guard conversations[conversation]?.type == .group else { return nil }
        conversations[conversation]?.title = title
        return conversations[conversation]?.changed(at: now)
    }

    public func list(for user: UserID, limit: Int, cursor: String?) throws(StoreError)
        -> (views: [ConversationView], nextCursor: String?)
    {
        let start = try cursor.map { text throws(StoreError) in try ListCursor(text) }
        let clock = start?.clock ?? activityClock
        guard clock <= activityClock else { throw .invalidCursor }
        let rest = conversations.values
            .filter { $0.participants[user] != nil }
            .compactMap { $0.place(asOf: clock) }
            .filter { start == nil || $0 < start! }
            .sorted(by: >)
        let page = rest.prefix(limit)
        let views = page.compactMap { view(of: $0.conversationID, for: user) }
        return (views, page.count < rest.count ? page.last?.text : nil)
    }

    public func conversationIDs(of user: UserID) -> [ConversationID] {
        conversations.values.filter { $0.participants[user] != nil }.map(\.id)
    }

    public func shareConversation(_ one: UserID, _ other: UserID) -> Bool {
        conversations.values.contains { $0.participants[one] != nil && $0.participants[other] != nil }
    }

    public func sharing(with user: UserID, among users: [UserID]) -> Set<UserID> {
        Set(users.filter { shareConversation(user, $0) })
    }

    public func apply(_ update: MetadataUpdate) throws(StoreError) -> ApplyOutcome {
        guard let applied = conversations[update.conversationID]?.appliedSequence else {
            throw .unexpected("metadata of a conversation that does not exist")
        }
        guard update.last > applied else { return .already }
        guard update.first == applied + 1 else { return .tooEarly(appliedSequence: applied) }
        conversations[update.conversationID]?.appliedSequence = update.last
        conversations[update.conversationID]?.lastMessage = update.lastMessage
        noteActivity(of: update.conversationID, at: update.lastMessage.at)
        return .applied
    }
}

extension ConversationRecord {
    func view(for user: UserID) -> ConversationView? {
        guard let participant = participants[user] else { return nil }
        return ConversationView(
            conversation: Conversation(
                id: id, type: type, title: title, createdBy: createdBy, createdAt: createdAt, directUserIDs: directUserIDs,
                participantCount: Int64(participants.count), lastMessage: lastMessage, lastSequence: appliedSequence, version: version),
            role: participant.role, mute: participant.mute, notificationLevel: participant.notificationLevel,
            readState: readState(of: participant, user))
    }

    func readState(of participant: ParticipantRecord, _ user: UserID) -> ReadState {
        let unread = messages[Int(participant.lastReadSequence)..<Int(appliedSequence)].count { $0.senderID != user }
        return ReadState(lastReadSequence: participant.lastReadSequence, unreadCount: Int64(unread), lastSequence: appliedSequence)
    }

    /// Counts a change of title or participants.
    mutating func changed(at now: Timestamp) -> ConversationStamp {
        version += 1
        changedAt = now
        return ConversationStamp(version: version, title: title, participantCount: Int64(participants.count))
    }

    /// Where the conversation stood in lists at that time; nil when there was none yet.
    fileprivate func place(asOf clock: Int64) -> ListCursor? {
        activities.last { $0.clock <= clock }.map { ListCursor(clock: clock, activity: $0.at, conversationID: id) }
    }
}

/// A place in a user's list as it was at one moment of the activity clock. Later activity does not move what is still
/// to come, so that nothing is skipped or repeated.
private struct ListCursor: Comparable {
    let clock: Int64
    let activity: Timestamp
    let conversationID: ConversationID

    init(clock: Int64, activity: Timestamp, conversationID: ConversationID) {
        self.clock = clock
        self.activity = activity
        self.conversationID = conversationID
    }

    init(_ text: String) throws(StoreError) {
        let parts = text.split(separator: "_", omittingEmptySubsequences: false)
        guard parts.count == 3, let clock = Int64(parts[0]), let activity = Int64(parts[1]), let id = ConversationID(parts[2])
        else { throw .invalidCursor }
        self.init(clock: clock, activity: Timestamp(milliseconds: activity), conversationID: id)
    }

    var text: String { "\(clock)_\(activity.milliseconds)_\(conversationID)" }

    static func < (left: Self, right: Self) -> Bool {
        (left.activity, left.conversationID) < (right.activity, right.conversationID)
    }
}
