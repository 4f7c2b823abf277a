/// A queue as Parley declares it: durable, neither exclusive nor deleted by the broker, on the default exchange.
///
/// The broker refuses a declaration with other arguments than those the queue has; whoever declares one of these beside
/// Parley uses the same.
public struct RabbitMQQueue: Sendable, Equatable {
    /// What an argument's value may be.
    public enum Argument: Sendable, Equatable {
        case number(Int64)
        case text(String)
    }

    /// Its routing key on the default exchange.
    public let name: String
    /// The arguments of `queue.declare`, in the order of their names.
    public let arguments: [(name: String, value: Argument)]

    /// Name and arguments are the same.
    public static func == (left: Self, right: Self) -> Bool {
        left.name == right.name && left.arguments.elementsEqual(right.arguments) { $0.name == $1.name && $0.value == $1.value }
    }
}

/// The queues of a ``RabbitMQPushQueue``.
///
/// - Jobs wait in a plain durable queue without any arguments, so that a program in any language can declare and read it.
/// - A job to be tried again waits in the queue of the shortest delay that is long enough, and comes back by itself: each has
///   one time to live for all of its messages, because one for each message would only be looked at when it reaches the
///   head (https://www.rabbitmq.com/docs/ttl#per-message-ttl-caveats). They are quorum queues, which alone let go of a
///   message only when the queue it goes to has confirmed it
///   (https://www.rabbitmq.com/docs/quorum-queues#dead-lettering; RabbitMQ 3.10 and later).
/// - Dead letters wait in a plain durable queue for an operator.
public struct RabbitMQTopology: Sendable, Equatable {
    /// In seconds, ascending. A job that asks for more than the longest comes back after the longest.
    public static let retryDelays = [1, 2, 5, 10, 30, 60, 300, 900, 3_600]

    /// What is to be done now.
    public let jobs: RabbitMQQueue
    /// What was given up.
    public let dead: RabbitMQQueue
    /// One for each of ``retryDelays``. A queue is declared when there is first a job for it.
    public let retries: [RabbitMQQueue]

    /// - Parameter queueName: Of ``jobs``; the other names begin with it.
    public init(queueName: String) {
        jobs = RabbitMQQueue(name: queueName, arguments: [])
        dead = RabbitMQQueue(name: "\(queueName).dead", arguments: [])
        retries = Self.retryDelays.map { seconds in
            RabbitMQQueue(
                name: "\(queueName).retry.\(seconds)",
                arguments: [
                    ("x-dead-letter-exchange", .text("")),
                    ("x-dead-letter-routing-key", .text(queueName)),
                    ("x-dead-letter-strategy", .text("at-least-once")),
                    ("x-message-ttl", .number(Int64(seconds) * 1000)),
                    ("x-overflow", .text("reject-publish")),
                    ("x-queue-type", .text("quorum")),
                ])
        }
    }

    /// Every queue.
    public var all: [RabbitMQQueue] { [jobs, dead] + retries }

    /// Where a job waits that is due again after that many seconds.
    func queue(forRetryAfter seconds: Double) -> RabbitMQQueue {
        guard seconds > 0 else { return jobs }
        let place = Self.retryDelays.firstIndex { Double($0) >= seconds } ?? Self.retryDelays.count - 1
        return retries[place]
    }
}
