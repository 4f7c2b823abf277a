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
    func publish(_ events: [BusEvent]) async

    /// Adds a receiver for as long as the bus lives.
    func attach(_ sink: any EventSink)

    /// This node has (no longer) someone online in these conversations. An adapter may deliver more than was asked for.
    func subscribe(_ conversations: [ConversationID])
    func unsubscribe(_ conversations: [ConversationID])
}
