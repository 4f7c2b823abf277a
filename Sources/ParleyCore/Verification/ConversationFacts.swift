public import ParleyModel

/// What a conversation says of itself, read at one moment: what is to be proved from its messages.
public struct ConversationFacts: Sendable {
    public let id: ConversationID
    /// Last message and counts are said to be done up to here.
    public let lastSequence: Int64
    public let lastMessage: LastMessage?
    public let participantCount: Int64
    public let participants: [ParticipantFacts]
    /// The counters of a direct conversation's two users for other programs; none where a store keeps none.
    public var counters: [UserCounter] = []
    /// The last number given out, as other programs are told; nil where a store does not tell.
    public var numberGivenOut: NumberGivenOut?

    public init(
        id: ConversationID, lastSequence: Int64, lastMessage: LastMessage?, participantCount: Int64, participants: [ParticipantFacts]
    ) {
        self.id = id
        self.lastSequence = lastSequence
        self.lastMessage = lastMessage
        self.participantCount = participantCount
        self.participants = participants
    }
}

/// A participant's marker and the two numbers that unread counts are made of.
public struct ParticipantFacts: Sendable {
    public let userID: UserID
    public let lastReadSequence: Int64
    public let ownSent: Int64
    public let ownRead: Int64

    public init(userID: UserID, lastReadSequence: Int64, ownSent: Int64, ownRead: Int64) {
        self.userID = userID
        self.lastReadSequence = lastReadSequence
        self.ownSent = ownSent
        self.ownRead = ownRead
    }

    /// What others sent after the marker: all messages after it less the participant's own.
    public func unreadCount(lastSequence: Int64) -> Int64 { lastSequence - lastReadSequence - (ownSent - ownRead) }
}

/// A counter of unread messages that is kept beside the participants.
public struct UserCounter: Sendable {
    /// The name of its column.
    public let name: String
    public let userID: UserID
    public let unreadCount: Int64

    public init(name: String, userID: UserID, unreadCount: Int64) {
        self.name = name
        self.userID = userID
        self.unreadCount = unreadCount
    }
}

/// What other programs are told of a conversation's numbers.
public enum NumberGivenOut: Sendable, Equatable {
    case missing
    case number(Int64)
}
