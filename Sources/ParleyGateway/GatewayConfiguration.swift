import ParleyModel

/// The bounds of connections that hear events.
public struct GatewayConfiguration: Sendable {
    /// Bytes of one client message, over all its fragments.
    public var maxMessageBytes = 65_536
    /// Bytes waiting for a reader beyond which position hints take the place of events.
    public var maxOutboundBytes = 262_144
    /// Seconds from the handshake to a good token.
    public var authenticationSeconds = 10
    /// Seconds between heartbeats. A socket from which nothing was heard for twice as long is closed.
    public var heartbeatSeconds = 25
    /// Commands of one socket waiting to be carried out; beyond that nothing more is read from it.
    public var maxPendingCommands = 64
    /// Commands a socket may send per second on average, and at once; the others are refused.
    public var commandsPerSecond = 50
    public var commandsBurst = 200
    /// How many more commands may be refused than are carried out, before the socket is closed.
    public var maxRefusedCommands = 200
    /// Positions in one `subscribe` command.
    public var maxPositions = 1000
    /// Conversations of one connection.
    public var maxSubscriptions = 10_000
    /// How long a user counts as being at a connection after its client has told of activity.
    public var activitySeconds = 120
    /// Users whose presence one connection watches.
    public var maxPresenceUsers = 500
    /// Connections of one user on this node, sockets and streams of events together.
    public var maxSocketsPerUser = 50
    /// How long an event whose predecessor is missing waits for it before the store is asked.
    public var gapPatienceMilliseconds: Int64 = 100
    /// Whether the bus may lose events. Then every connection looks at each heartbeat for changes that it was not told of;
    /// messages need no such look, their numbers show what is missing.
    public var busLosesEvents = false
    /// Seconds over which clients are asked to come back after a shutdown, each after its own delay.
    public var drainSeconds = 5
    /// Origins of web pages that may open sockets, beside the server's own; `*` is any.
    public var allowedOrigins: [String] = []
    /// Participants above which receipts are counts and typing is not told; told to clients, enforced by the core.
    public var receiptsMaxParticipants: Int64 = 100
    /// Told to clients, enforced by the core.
    public var typingIntervalMilliseconds: Int64 = 3000

    public init() {}

    /// What `hello` says of them.
    var limits: Hello.Limits {
        Hello.Limits(
            frameBytes: Int64(maxMessageBytes), outboundBytes: Int64(maxOutboundBytes), commandsPerSecond: Int64(commandsPerSecond),
            positions: Int64(maxPositions), subscriptions: Int64(maxSubscriptions), presenceUsers: Int64(maxPresenceUsers),
            socketsPerUser: Int64(maxSocketsPerUser), receiptsParticipants: receiptsMaxParticipants,
            typingIntervalMilliseconds: typingIntervalMilliseconds)
    }
}
