public import ParleyModel

/// What nodes tell each other.
public enum BusEvent: Sendable {
    /// A stored message; `json` is its JSON form with media, encoded once for everybody.
    case message(ConversationID, sequenceNumber: Int64, json: [UInt8])
    /// Title or the like changed.
    case conversationChanged(ConversationID)
    /// Added, another role, or removed (nil).
    case participantChanged(ConversationID, UserID, Role?)
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
