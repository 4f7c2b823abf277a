public import ParleyModel

/// What the push worker must know of a participant.
public struct PushStanding: Sendable, Equatable {
    public let lastReadSequence: Int64
    public let mute: Mute
    public let level: NotificationLevel
    /// The participant's unread messages of the conversation, as the API counts them.
    public let unreadCount: Int64

    public init(lastReadSequence: Int64, mute: Mute, level: NotificationLevel = .all, unreadCount: Int64 = 1) {
        self.lastReadSequence = lastReadSequence
        self.mute = mute
        self.level = level
        self.unreadCount = unreadCount
    }
}

/// What the push worker asks before it sends.
public protocol PushStandings: Sendable {
    /// The standing of those of `users` who are participants.
    func pushStandings(of users: [UserID], in conversation: ConversationID) async throws(StoreError) -> [UserID: PushStanding]

    /// The same of several conversations, each of which is in the answer; none is when it throws.
    func pushStandings(of users: [ConversationID: [UserID]]) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]]
}

extension PushStandings {
    /// One after the other.
    public func pushStandings(of users: [ConversationID: [UserID]]) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]] {
        var standings: [ConversationID: [UserID: PushStanding]] = [:]
        for (conversation, users) in users { standings[conversation] = try await pushStandings(of: users, in: conversation) }
        return standings
    }
}
