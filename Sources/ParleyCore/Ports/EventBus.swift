public import ParleyModel

/// What nodes tell each other. Every event can be told twice or be overtaken without harm: numbers and versions say which
/// is newer.
public enum BusEvent: Sendable {
    /// A stored message; `json` is its JSON form with media, encoded once for everybody.
    case message(ConversationID, sequenceNumber: Int64, json: [UInt8])
    /// A new conversation and its first participants.
    case conversationCreated(ConversationID, [UserID])
    /// Its title changed.
    case conversationChanged(ConversationID, ConversationStamp)
    /// Somebody joined, left or has another role. `lastSequence` is the conversation's highest number at that moment.
    case participantChanged(ParticipantChange, lastSequence: Int64)
    case muteChanged(ConversationID, UserID, MuteState)
    case notificationLevelChanged(ConversationID, UserID, NotificationLevel)
    /// A read marker moved. In a large group only the user's own devices are told.
    case read(ConversationID, UserID, ReadState, toOthers: Bool)
    case delivered(ConversationID, UserID, sequenceNumber: Int64)
    case receipts(ConversationID, ReceiptCounts)
    case typing(ConversationID, UserID, isTyping: Bool)
    case presence(UserID, PresenceState)
    /// The user's tokens that were issued before that time are good no more.
    case tokensRevoked(UserID, before: Timestamp)
}

/// Takes events from the bus. Called in the order of publishing for one publisher, from any thread; must not block.
public protocol EventSink: Sendable {
    func receive(_ events: [BusEvent])
}

/// Tells events to every node, at most once each: an event may be lost, never the data behind it, and receivers close
/// gaps by sequence number. Telling is only for what is durable already.
public protocol EventBus: Sendable {
    /// False when other nodes, and other programs that listen, may not have been told. This node's receivers have.
    @discardableResult
    func publish(_ events: [BusEvent]) async -> Bool

    /// Adds a receiver for as long as the bus lives.
    func attach(_ sink: any EventSink)

    /// One more of this node wants to hear of each of these conversations; one less. A conversation is heard of until
    /// `unsubscribe` was called for it as often as `subscribe`. An adapter may deliver more than was asked for.
    func subscribe(_ conversations: [ConversationID])
    func unsubscribe(_ conversations: [ConversationID])

    /// Returns when what was subscribed to is heard of, or when that may take long; at most about a second later.
    func listens() async

    /// Calls `body` each time when, after a time in which events may have been lost, everything is heard of again. From any
    /// thread; it must not block.
    func onReconnect(_ body: @escaping @Sendable () -> Void)
}

extension EventBus {
    public func listens() async {}
    public func onReconnect(_ body: @escaping @Sendable () -> Void) {}
}
