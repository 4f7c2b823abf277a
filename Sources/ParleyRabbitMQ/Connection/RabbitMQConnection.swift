import ParleyCore
import ParleyEngines

/// A connection for one thread that is made when there is something to do, and made again when it was lost. It blocks for
/// as long as the configuration says.
final class RabbitMQConnection {
    private let configuration: RabbitMQConfiguration
    private let newQueues: NewQueues
    private var link: RabbitMQLink?
    private var backoff: Backoff
    private var nextTry: ContinuousClock.Instant?
    private var lastFailure = RabbitMQFailure("not connected yet")

    init(_ configuration: RabbitMQConfiguration, newQueues: NewQueues) {
        self.configuration = configuration
        self.newQueues = newQueues
        backoff = Backoff(longest: configuration.reconnectCapSeconds)
    }

    /// The open connection, with what has come on it read, so that one which died in the meantime is not handed out.
    /// Throws `unavailable` when it cannot be made, and until the next try is due; nothing was asked of the broker then.
    func opened() throws(StoreError) -> RabbitMQLink {
        if let link = current() { return link }
        if let nextTry, .now < nextTry { throw .unavailable(lastFailure.description) }
        do throws(RabbitMQFailure) {
            let link = try RabbitMQLink(configuration, newQueues: newQueues)
            self.link = link
            backoff.reset()
            nextTry = nil
            return link
        } catch {
            lastFailure = error
            nextTry = .now + .seconds(backoff.next())
            throw .unavailable(error.description)
        }
    }

    /// The connection if there is one that lives.
    func current() -> RabbitMQLink? {
        guard let link else { return nil }
        if !link.isBroken, (try? link.poll()) != nil { return link }
        self.link = nil
        return nil
    }
}
