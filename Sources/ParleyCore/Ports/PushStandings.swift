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
    /// The standings of the users named for each conversation, those who are participants: everybody else is missing, and so
    /// is a conversation of which nobody named takes part. Each conversation is seen at one moment, not all at the same.
    ///
    /// Where one conversation cannot be read it throws: whoever wants the others asks again without that one.
    func pushStandings(of users: [ConversationID: [UserID]]) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]]
}

extension PushStandings {
    /// The same for one conversation.
    public func pushStandings(of users: [UserID], in conversation: ConversationID) async throws(StoreError) -> [UserID: PushStanding] {
        try await pushStandings(of: [conversation: users])[conversation] ?? [:]
    }
}
