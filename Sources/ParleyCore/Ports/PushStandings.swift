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
}
