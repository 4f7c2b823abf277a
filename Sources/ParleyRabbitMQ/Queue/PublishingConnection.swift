import ParleyCore

/// The connection on which jobs are published. Apart from the one on which they are acknowledged: a broker that lacks memory
/// or disk stops reading from connections that publish.
final class PublishingConnection {
    private let connection: RabbitMQConnection

    init(_ configuration: RabbitMQConfiguration, newQueues: NewQueues) {
        connection = RabbitMQConnection(configuration, newQueues: newQueues)
    }

    func publish(_ messages: [OutgoingMessage]) throws(StoreError) {
        try connection.opened().publishConfirmed(messages)
    }

    /// Keeps the connection alive.
    func lookAfter() {
        _ = connection.current()
    }
}
