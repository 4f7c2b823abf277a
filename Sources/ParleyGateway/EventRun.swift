import NIOCore

/// Consecutive messages of one conversation that pass a feed together, joined to one buffer: a connection that takes all of
/// them takes one write, however many they are. Most of what an event costs in a large conversation is touching each
/// connection once more.
struct EventRun {
    /// Bytes beyond which a run is full: a connection must not be handed much more than it may let wait.
    static let maxBytes = 32_768

    private(set) var events: [(number: Int64, event: OutboundEvent)]
    private var joined: ByteBuffer

    init(_ number: Int64, _ event: OutboundEvent) {
        events = [(number, event)]
        joined = event.frame
    }

    var first: Int64 { events[0].number }
    var last: Int64 { events[events.count - 1].number }
    /// The frames, one after the other.
    var frames: ByteBuffer { joined }

    /// Adds the next message. False when the run is full, or the message does not follow.
    mutating func append(_ number: Int64, _ event: OutboundEvent) -> Bool {
        guard number == last + 1, joined.readableBytes + event.frame.readableBytes <= Self.maxBytes else { return false }
        events.append((number, event))
        joined.writeImmutableBuffer(event.frame)
        return true
    }
}
