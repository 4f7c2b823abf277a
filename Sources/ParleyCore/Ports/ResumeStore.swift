public import ParleyModel

/// Where a conversation stands for a user who subscribes.
public struct ConversationStanding: Sendable, Equatable {
    public let conversationID: ConversationID
    /// The highest number in the snapshot.
    public let lastSequence: Int64
    /// The highest number when the mark that was asked from was made: all above it came since. At most that, never more,
    /// so that replaying from here loses nothing. Without a mark, `lastSequence`.
    public let sequenceAtMark: Int64
    public let joinedAt: Timestamp

    public init(conversationID: ConversationID, lastSequence: Int64, sequenceAtMark: Int64, joinedAt: Timestamp) {
        self.conversationID = conversationID
        self.lastSequence = lastSequence
        self.sequenceAtMark = sequenceAtMark
        self.joinedAt = joinedAt
    }
}

/// All standings of a user from one snapshot, with the mark of that snapshot.
public struct UserStandings: Sendable, Equatable {
    public let mark: ActivityMark
    public let conversations: [ConversationStanding]

    public init(mark: ActivityMark, conversations: [ConversationStanding]) {
        self.mark = mark
        self.conversations = conversations
    }
}

/// What a user's devices have missed beside messages.
public struct MissedChanges: Sendable, Equatable {
    /// Conversations whose title, participants, or own mute, marker or role changed, or which the user joined.
    public let conversations: [ConversationID]
    /// Conversations which the user left, or was taken out of, and is not in again.
    public let left: [ConversationID]
    /// Where others' markers stand, of those that moved.
    public let markers: [ParticipantMarkers]

    public init(conversations: [ConversationID], left: [ConversationID], markers: [ParticipantMarkers]) {
        self.conversations = conversations
        self.left = left
        self.markers = markers
    }
}

public struct ParticipantMarkers: Sendable, Equatable {
    public let conversationID: ConversationID
    public let userID: UserID
    public let lastReadSequence: Int64
    public let lastDeliveredSequence: Int64

    public init(conversationID: ConversationID, userID: UserID, lastReadSequence: Int64, lastDeliveredSequence: Int64) {
        self.conversationID = conversationID
        self.userID = userID
        self.lastReadSequence = lastReadSequence
        self.lastDeliveredSequence = lastDeliveredSequence
    }
}

/// What a client that comes back asks of the conversations: where they stand, and what changed meanwhile.
public protocol ResumeStore: Sendable {
    /// Where each of a user's conversations stands, and stood at a mark. Costs what the user has conversations, and not
    /// what they hold.
    func standings(of user: UserID, since mark: ActivityMark?) async throws(StoreError) -> UserStandings

    /// What changed for a user, beside messages, at that time or later. Others' markers are told of conversations of at
    /// most `maxParticipants`.
    func missedChanges(of user: UserID, since time: Timestamp, maxParticipants: Int64) async throws(StoreError) -> MissedChanges

    /// Conversations as this user sees them, in no order; those that the user is not in are left out.
    func views(of conversations: [ConversationID], for user: UserID) async throws(StoreError) -> [ConversationView]

    /// Those of `users` who share a conversation with `user`.
    func sharing(with user: UserID, among users: [UserID]) async throws(StoreError) -> Set<UserID>
}
