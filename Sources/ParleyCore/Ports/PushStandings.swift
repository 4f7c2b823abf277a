public import ParleyModel

/// What the push worker must know of a participant.
public struct PushStanding: Sendable, Equatable {
    public let lastReadSequence: Int64
    public let mute: Mute

    public init(lastReadSequence: Int64, mute: Mute) {
        self.lastReadSequence = lastReadSequence
        self.mute = mute
    }
}

/// What the push worker asks before it sends.
public protocol PushStandings: Sendable {
    /// The standing of those of `users` who are participants.
    func pushStandings(of users: [UserID], in conversation: ConversationID) async throws(StoreError) -> [UserID: PushStanding]
}
