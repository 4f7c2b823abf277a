public import ParleyModel

/// One step of a conversation's metadata, made from its newly stored messages: `first...last`.
public struct MetadataUpdate: Sendable, Equatable {
    public let conversationID: ConversationID
    public let first: Int64
    public let last: Int64
    public let lastMessage: LastMessage
    /// How many of `first...last` each sender sent.
    public let sentBy: [UserID: Int64]
    /// The earliest time among the messages, so that a store can know how late it is told.
    public let earliestAt: Timestamp

    /// - Parameter earliestAt: Nil for the last message's time.
    public init(
        conversationID: ConversationID, first: Int64, last: Int64, lastMessage: LastMessage, sentBy: [UserID: Int64],
        earliestAt: Timestamp? = nil
    ) {
        self.conversationID = conversationID
        self.first = first
        self.last = last
        self.lastMessage = lastMessage
        self.sentBy = sentBy
        self.earliestAt = earliestAt ?? lastMessage.at
    }
}

public enum ApplyOutcome: Sendable, Equatable {
    case applied
    /// Done before; nothing was changed.
    case already
    /// A predecessor is missing: metadata stands at this number. Nothing was changed.
    case tooEarly(appliedSequence: Int64)
}

public enum RoleChange: Sendable, Equatable {
    case added(Participant)
    case changed(Participant)
    /// The only owner would give up the role.
    case lastOwner
    /// The conversation has as many participants as allowed.
    case full
    case noConversation
}

public enum Removal: Sendable, Equatable {
    case removed
    case notAParticipant
    /// The only owner would leave others behind.
    case lastOwner
}

/// How far a marker got.
public struct MarkerAdvance<State: Sendable & Equatable>: Sendable, Equatable {
    public let state: State
    /// False when the marker stood there, or further on, already.
    public let moved: Bool

    public init(state: State, moved: Bool) {
        self.state = state
        self.moved = moved
    }
}

/// Remembers conversations, their participants and read markers.
///
/// Unread counts are always derived: messages after the marker that others sent (P4). A new participant's marker stands
/// at the conversation's last sequence at the moment of joining. Every method is one atomic step and durable when it
/// returns.
public protocol ConversationStore: ResumeStore, PushStandings {
    /// The direct conversation of two users: made if there is none yet; however many ask at once, all get the same one.
    func direct(between creator: UserID, and other: UserID, id: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (conversationID: ConversationID, created: Bool)

    /// A new group: the creator is its owner, the others are members.
    func createGroup(id: ConversationID, title: String?, creator: UserID, others: [UserID], at now: Timestamp) async throws(StoreError)

    /// The conversation as this user sees it. Nil when the user is not a participant, or there is no such conversation.
    func view(of conversation: ConversationID, for user: UserID) async throws(StoreError) -> ConversationView?

    func exists(_ conversation: ConversationID) async throws(StoreError) -> Bool

    /// The role of a participant; nil for everyone else.
    func role(of user: UserID, in conversation: ConversationID) async throws(StoreError) -> Role?

    /// A user's conversations, newest activity first, from one snapshot. Following the cursors visits every
    /// conversation that the user had when the first page was read exactly once, whatever arrives in between
    /// (those left meanwhile excepted).
    func list(for user: UserID, limit: Int, cursor: String?) async throws(StoreError) -> (views: [ConversationView], nextCursor: String?)

    /// Sets a group's title and tells how the conversation stands then. Nil when there is no such group.
    func rename(_ conversation: ConversationID, to title: String?, at now: Timestamp) async throws(StoreError) -> ConversationStamp?

    /// Participants by user id.
    func participants(of conversation: ConversationID, limit: Int, cursor: String?) async throws(StoreError)
        -> (participants: [Participant], nextCursor: String?)

    /// The next participants' ids, ascending, that follow `user`; from the beginning for nil.
    func participantIDs(of conversation: ConversationID, after user: UserID?, limit: Int) async throws(StoreError) -> [UserID]

    /// The first participants' ids of each of these conversations, ascending, at most `limit` of each. A conversation that has none
    /// is missing.
    func participantIDs(of conversations: [ConversationID], limit: Int) async throws(StoreError) -> [ConversationID: [UserID]]

    /// Adds a participant or changes their role. The stamp is there when something was added or changed; its version is
    /// that change's own.
    func setRole(of user: UserID, in conversation: ConversationID, to role: Role, maxParticipants: Int, at now: Timestamp)
        async throws(StoreError) -> (change: RoleChange, stamp: ConversationStamp?)

    /// Takes a participant out. Their messages stay. The stamp is there when somebody was taken out.
    func remove(_ user: UserID, from conversation: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (removal: Removal, stamp: ConversationStamp?)

    /// Sets the participant's mute. False when the user is not a participant.
    func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID, at now: Timestamp) async throws(StoreError) -> Bool

    /// Sets of which messages the participant is alerted. False when the user is not a participant.
    func setNotificationLevel(_ level: NotificationLevel, for user: UserID, in conversation: ConversationID, at now: Timestamp)
        async throws(StoreError) -> Bool

    /// Advances the read marker to `sequenceNumber` or the last message, whichever is lower; never back. Nil when the
    /// user is not a participant.
    func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<ReadState>?

    /// Advances the delivered marker likewise, and tells where it stands. It never stands below the read marker.
    func advanceDelivered(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<Int64>?

    /// How many participants have read, and received, everything up to this number. Costs what the conversation has
    /// participants.
    func receiptCounts(of conversation: ConversationID, at sequenceNumber: Int64) async throws(StoreError) -> ReceiptCounts

    /// Nil for an unknown conversation.
    func participantCount(of conversation: ConversationID) async throws(StoreError) -> Int64?

    /// Every conversation of a user, in no order.
    func conversationIDs(of user: UserID) async throws(StoreError) -> [ConversationID]

    /// Whether there is a conversation with both.
    func shareConversation(_ one: UserID, _ other: UserID) async throws(StoreError) -> Bool

    /// Applies a step of metadata exactly once and in order. Only for stores whose message store does not do it itself.
    func apply(_ update: MetadataUpdate) async throws(StoreError) -> ApplyOutcome

    /// The outcome of each step, in the same order; those of the same conversation are applied one after the other. Where it
    /// throws, none or some were applied: to apply them all again is right.
    func apply(_ updates: [MetadataUpdate]) async throws(StoreError) -> [ApplyOutcome]
}

extension ConversationStore {
    /// One after the other, for stores that cannot do better.
    public func participantIDs(of conversations: [ConversationID], limit: Int) async throws(StoreError) -> [ConversationID: [UserID]] {
        var found: [ConversationID: [UserID]] = [:]
        for conversation in conversations {
            let users = try await participantIDs(of: conversation, after: nil, limit: limit)
            if !users.isEmpty { found[conversation] = users }
        }
        return found
    }

    /// One after the other, for stores that cannot do better.
    public func apply(_ updates: [MetadataUpdate]) async throws(StoreError) -> [ApplyOutcome] {
        var outcomes: [ApplyOutcome] = []
        for update in updates { outcomes.append(try await apply(update)) }
        return outcomes
    }
}
