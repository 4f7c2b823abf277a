/// The bounds of a socket.
public struct GatewayConfiguration: Sendable {
    /// Bytes of one client message, over all its fragments.
    public var maxMessageBytes = 65_536
    /// Bytes waiting for a reader; one that lets more gather is disconnected and catches up later.
    public var maxOutboundBytes = 1_048_576
    /// Seconds from the handshake to a good token.
    public var authenticationSeconds = 10
    /// Seconds between pings. A socket from which nothing was heard for twice as long is closed.
    public var heartbeatSeconds = 25
    /// Commands of one socket waiting to be carried out; beyond that nothing more is read from it.
    public var maxPendingCommands = 64
    /// Milliseconds over which clients are asked to come back after a shutdown.
    public var reconnectSpreadMilliseconds = 3000

    public init() {}
}
