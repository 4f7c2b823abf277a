/// How the adapters reach Redis, and their bounds. Needs Redis 5 or later (scripts that ask for the time and then write);
/// one server, or one with replicas behind one address: the channels and keys are not laid out for Redis Cluster.
public struct RedisConfiguration: Sendable {
    /// The server, and how to log in.
    public let url: RedisURL
    /// Seconds for making a connection, before it counts as failed.
    public var connectSeconds = 2.0
    /// Seconds of silence in which a command must be answered. A publish waits no longer than that, once: from then on
    /// it does not wait at all until the connection is back.
    public var commandSeconds = 2.0
    /// Seconds of silence after which a subscriber asks whether the server is still there; after three times as long, it
    /// counts as gone.
    public var pingSeconds = 5.0
    /// Commands that may wait for one connection; more are refused, and a publish that is refused is lost.
    public var maxWaitingCommands = 20_000

    /// The defaults for that server.
    public init(url: RedisURL) {
        self.url = url
    }
}
