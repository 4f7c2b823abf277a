public import ParleyModel

/// Who sat at connections of a node for a while, and has gone: messages of that while may have reached nobody, and no push
/// service was told of them.
public struct EndedAttendance: Sendable, Equatable {
    public let userID: UserID
    /// When it began.
    public let since: Timestamp
    /// Somebody was there until then: what was delivered before it has been seen. At the latest the end.
    public let seenUntil: Timestamp

    public init(userID: UserID, since: Timestamp, seenUntil: Timestamp) {
        self.userID = userID
        self.since = since
        self.seenUntil = seenUntil
    }
}

/// A user who has gone and is looked at a second time.
public struct SecondLook: Sendable, Equatable {
    public let userID: UserID
    public let node: NodeID
    public let since: Timestamp
    /// Nil when it is not known, since the node died: then all that was delivered counts as seen.
    public let seenUntil: Timestamp?
    /// Nobody else looks before then; it names the lease.
    public let leasedUntil: Timestamp

    public init(userID: UserID, node: NodeID, since: Timestamp, seenUntil: Timestamp?, leasedUntil: Timestamp) {
        self.userID = userID
        self.node = node
        self.since = since
        self.seenUntil = seenUntil
        self.leasedUntil = leasedUntil
    }
}

public enum SecondLookResult: Sendable, Equatable {
    /// Jobs are queued for whatever was left.
    case done
    /// The user sits at connections of another node. That attendance is taken to have begun with this one, so that its end looks
    /// as far back.
    case attendedElsewhere
}

/// A conversation in which a user has messages of others that are not read.
public struct UnreadConversation: Sendable, Hashable {
    public let userID: UserID
    public let conversationID: ConversationID
    public let lastReadSequence: Int64
    /// At least `lastReadSequence`.
    public let lastDeliveredSequence: Int64

    public init(userID: UserID, conversationID: ConversationID, lastReadSequence: Int64, lastDeliveredSequence: Int64) {
        self.userID = userID
        self.conversationID = conversationID
        self.lastReadSequence = lastReadSequence
        self.lastDeliveredSequence = lastDeliveredSequence
    }
}

/// Remembers who sits at connections of which node, so that whoever goes before having taken everything is looked at a second
/// time, also when it is the node that goes.
///
/// Each method is one atomic step and durable when it returns.
public protocol AttendanceStore: Sendable {
    /// These users sit at connections of the node from `time` on. For who is remembered there already it began when it is
    /// remembered to have begun, and no look is due any more.
    func began(_ users: [UserID], at node: NodeID, since time: Timestamp) async throws(StoreError)

    /// These users sit at no connection of the node any more; they are to be looked at again when `dueAt` has come, from the earlier
    /// of both beginnings on: that which is remembered, and that which is told.
    func ended(_ attendances: [EndedAttendance], at node: NodeID, dueAt: Timestamp) async throws(StoreError)

    /// The node is gone, and whoever is remembered as sitting at its connections with it. Tells how many they are.
    @discardableResult
    func ended(node: NodeID, dueAt: Timestamp) async throws(StoreError) -> Int

    /// As ``ended(node:dueAt:)`` for each node that is known to be gone; tells how many users they had.
    func endedOfLostNodes(dueAt: Timestamp) async throws(StoreError) -> Int

    /// Up to `limit` that are due, longest due first; nobody else gets them for `seconds`.
    func leaseLooks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [SecondLook]

    /// Ends leases, and forgets the users. One who came back or went again meanwhile is not touched.
    func finishLooks(_ results: [(SecondLook, SecondLookResult)]) async throws(StoreError)

    /// The conversations of these users that hold unread messages of others, and got a message when the look begins to see or
    /// later; each once for every look.
    func unread(in looks: [SecondLook]) async throws(StoreError) -> [UnreadConversation]
}

extension AttendanceStore {
    /// One process knows of no other.
    public func endedOfLostNodes(dueAt: Timestamp) async throws(StoreError) -> Int { 0 }
}
