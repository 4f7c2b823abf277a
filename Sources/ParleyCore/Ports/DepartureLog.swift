public import ParleyModel

/// That a user left a conversation, or was taken out of it, and is not in it again.
public struct Departure: Sendable, Equatable, Hashable {
    public let userID: UserID
    public let conversationID: ConversationID
    public let leftAt: Timestamp

    public init(userID: UserID, conversationID: ConversationID, leftAt: Timestamp) {
        self.userID = userID
        self.conversationID = conversationID
        self.leftAt = leftAt
    }
}

/// Who is out of which conversation lately, over all users: for nodes that may not have been told (P7). Costs what there are
/// departures since then, and not what there are users.
public protocol DepartureLog: Sendable {
    /// Departures at that time or later, oldest first, at most `limit`: the page after `last`, or the first. Departures of the
    /// same moment come in a fixed order.
    func departures(since time: Timestamp, after last: Departure?, limit: Int) async throws(StoreError) -> [Departure]
}
