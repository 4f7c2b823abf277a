import NIOCore
import ParleyModel

/// Where a subscriber's events leave: a WebSocket or a stream of server-sent events. On its event loop only.
protocol EventEndpoint: AnyObject {
    /// False while more bytes wait for the reader than it may let gather. What is written all the same must be small.
    var isWritable: Bool { get }
    /// Adds the event to what waits. It leaves with the next ``flush()``.
    func write(_ event: OutboundEvent)
    func flush()
    /// Says why and ends.
    func end(_ code: CloseCode)
}

/// A connection that wants to know once a second how time passes. On its event loop only.
protocol TickingConnection: AnyObject {
    func tick(_ now: NIODeadline)
}
