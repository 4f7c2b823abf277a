/// How a ``RabbitMQPushQueue`` reaches its broker, and its limits. Every wait and every amount has one (P8).
public struct RabbitMQConfiguration: Sendable, Equatable {
    /// The broker, and how to log in.
    public var url: AMQPURL
    /// The queue that jobs wait in. The names of the queues beside it begin with it. The default is a public contract.
    public var queueName = "push_notifications"

    /// Until the broker has taken the connection.
    public var connectTimeoutSeconds = 5.0
    /// Until it has let us in.
    public var loginTimeoutSeconds = 5.0
    /// Until it has answered a call.
    public var replyTimeoutSeconds = 10.0
    /// Until it has confirmed what was published together. It confirms what it has written to its disk.
    public var confirmTimeoutSeconds = 15.0
    /// How old a queue must be before a job is put into it. A broker confirms the declaration of a durable queue while it still
    /// has it in memory only, and writes it down within two seconds; killed before that, it forgets the queue and with it the
    /// messages that it has confirmed and stored. Only the first calls after the queues came to be wait for this.
    public var newQueueSeconds = 2.5
    /// Agreed with the broker: a side that is not heard of for two of these is taken for dead.
    /// Also the limit, twice as long, of sending to a broker that reads no further.
    public var heartbeatSeconds = 20
    /// The longest wait before a lost connection is made anew. Calls in between fail at once.
    public var reconnectCapSeconds = 2.0
    /// How often idle connections are looked after: heartbeats, and leases that nobody asked for again.
    public var housekeepingSeconds = 1.0
    /// How long after its end a lease waits for a `lease` call of this process before the job goes back to the broker.
    public var leaseGraceSeconds = 5.0

    /// Calls that may wait for each of the three connections; one more is refused.
    public var maxWaitingCalls = 1_000
    /// Messages published, or asked for, without waiting in between.
    public var maxPipelined = 1_000
    /// Dead letters that listing and replaying look through.
    public var maxDeadLettersRead = 100_000

    /// The defaults for that broker.
    public init(url: AMQPURL) {
        self.url = url
    }
}
