public import ParleyModel

/// One page of the user's conversations, the newest activity first.
public struct ConversationPage: Sendable, Equatable {
    public let conversations: [ConversationView]
    /// For the next page; nil after the last one.
    public let nextCursor: String?
}

/// One page of a conversation's participants.
public struct ParticipantPage: Sendable, Equatable {
    public let participants: [Participant]
    /// For the next page; nil after the last one.
    public let nextCursor: String?
}

/// Which part of a conversation's history to read.
public enum HistoryPart: Sendable, Equatable {
    case newest
    /// Those that follow a number, the oldest of them first.
    case after(Int64)
    /// Those before a number, the newest of them.
    case before(Int64)
    /// Those on both sides of a number.
    case around(Int64)

    var query: [(String, String)] {
        switch self {
        case .newest: []
        case .after(let number): [("after_sequence", "\(number)")]
        case .before(let number): [("before_sequence", "\(number)")]
        case .around(let number): [("around_sequence", "\(number)")]
        }
    }
}
