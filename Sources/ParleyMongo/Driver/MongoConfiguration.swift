/// How the connections to MongoDB are kept. Every wait has a limit; an option that stands in the URL itself wins.
public struct MongoConfiguration: Sendable {
    /// Threads, and so connections. Each carries one call at a time.
    public var threads = 8
    /// Calls that may wait for a thread; one more is refused as unavailable.
    public var maxWaiting = 4096
    /// How long a call waits for a primary, `serverSelectionTimeoutMS`. An election takes less.
    public var serverSelectionMilliseconds: Int32 = 5000
    /// How long connecting may take, `connectTimeoutMS`.
    public var connectMilliseconds: Int32 = 2000
    /// How long one answer may take, `socketTimeoutMS`; 0 is without limit.
    public var socketMilliseconds: Int32 = 5000
    /// How long the server waits for a majority before it says that it does not know, `wtimeout`. Below the limit of one
    /// answer, so that the server's word comes before the silence is given up.
    public var writeConcernMilliseconds: Int64 = 4000
    /// How long one append may go on losing its numbers to other nodes before it gives up, in seconds.
    public var maxContentionSeconds = 5.0
    /// Conversations whose last number is remembered, and conversations that are known to exist.
    public var maxRemembered = 100_000

    /// The defaults, which suit a replica set in the same network.
    public init() {}

    /// For ``MongoMessageImport``: inserts of thousands of messages, beside which nobody waits.
    public static var copying: MongoConfiguration {
        var configuration = MongoConfiguration()
        configuration.threads = 3
        configuration.socketMilliseconds = 60_000
        configuration.writeConcernMilliseconds = 50_000
        return configuration
    }

    /// For ``MongoVerification``: pages of thousands of messages, one after the other.
    public static var reading: MongoConfiguration {
        var configuration = MongoConfiguration()
        configuration.threads = 1
        configuration.socketMilliseconds = 60_000
        return configuration
    }

    /// For ``MongoSchema``: building an index over many messages takes as long as it takes.
    public static var migrating: MongoConfiguration {
        var configuration = MongoConfiguration()
        configuration.threads = 1
        configuration.socketMilliseconds = 0
        configuration.writeConcernMilliseconds = 0
        return configuration
    }
}
