import NIOCore
import ParleyModel

/// Where a subscriber's events leave: a WebSocket or a stream of server-sent events. On its event loop only.
protocol EventEndpoint: AnyObject {
    /// False while more bytes wait for the reader than it may let gather. What is written all the same must be small.
    var isWritable: Bool { get }
    /// Adds the event to what waits. It leaves with the next ``flush()``.
    func write(_ event: OutboundEvent)
    /// Adds a run of messages.
    func write(_ run: EventRun)
    func flush()
    /// Says why and ends.
    func end(_ code: CloseCode)
}

/// A connection as the hub's part keeps it, authenticated or not. On its event loop only.
protocol OpenConnection: AnyObject {
    /// Told once a second.
    func tick(_ now: NIODeadline)
    /// The server stops: say when to come back, finish what is under way, end.
    func drain()
}
