import CoreMetrics
public import Logging
public import ParleyCore
public import ParleyModel

/// The event bus of several nodes, over Redis Pub/Sub, which is at most once as the port is.
///
/// Sinks of this node are told within `publish`, before Redis is: what happens here is seen here, whether Redis is up or not.
/// Other nodes are told through Redis, by one connection, so that they hear of one publisher's events in its order. What
/// comes back of this node's own events is passed over: by the origin that stands in it or, for messages, whose
/// payload is a contract with others (DESIGN section 3) and names no origin, by their number.
///
/// While Redis is down, `publish` tells this node only and does not wait. Other nodes find out what they missed from the
/// store: by ``onReconnect(_:)``, and at the next look at the newest numbers.
public final class RedisEventBus: EventBus {
    private let inbox = BusInbox()
    private let publisher: RedisPipeline
    private let subscriber: RedisSubscriber
    private let untold = Counter(label: "parley_bus_untold_events_total")

    /// Begins to connect, and returns at once. The threads live until ``close()``.
    public init(_ configuration: RedisConfiguration, logger: Logger) {
        publisher = RedisPipeline(configuration, name: "parley-publish", logger: logger)
        subscriber = RedisSubscriber(configuration, logger: logger, inbox: inbox)
    }

    /// Publishes no more, and returns when both connections are closed. It blocks: not for tasks and event loops.
    public func close() {
        publisher.close()
        subscriber.close()
    }

    /// For health checks: throws `unavailable`, with the reason, while events do not reach Redis.
    public func probe() async throws(StoreError) { try await publisher.probe() }

    // MARK: Publishing

    /// Returns when the sinks of this node were called and Redis has the events, or it is clear that it will not get
    /// them, which the metric `parley_bus_untold_events_total` counts.
    @discardableResult
    public func publish(_ events: [BusEvent]) async -> Bool {
        guard !events.isEmpty else { return true }
        // Before Redis is told: they may be back at once. Only what is listened to comes back.
        for case .message(let id, let number, _) in events where subscriber.wants(id) { inbox.remember(id, number) }
        inbox.deliver(events)
        let commands = events.map(command)
        do throws(StoreError) {
            let replies = try await publisher.run(weight: commands.count) { commands }
            let refused = replies.count { if case .error = $0 { true } else { false } }
            if refused > 0 { untold.increment(by: refused) }
            return refused == 0
        } catch {
            untold.increment(by: events.count)
            return false
        }
    }

    private func command(for event: BusEvent) -> RedisCommand {
        var command = RedisCommand("PUBLISH", BusChannel(for: event).name)
        if case .message(_, _, let json) = event {
            command.add(json)
        } else if let payload = BusEnvelope.payload(of: event, from: inbox.origin) {
            command.add(payload)
        }
        return command
    }

    // MARK: Receiving

    /// Adds a receiver for as long as the bus lives. It is called in `publish` for events of this node, and on the
    /// subscriber's thread for those of others.
    public func attach(_ sink: any EventSink) { inbox.attach(sink) }

    /// One more of this node wants to hear of each of these conversations. Takes effect a moment later, see ``listens()``.
    public func subscribe(_ conversations: [ConversationID]) { subscriber.subscribe(conversations) }

    /// One less: a conversation is listened to until `unsubscribe` was called for it as often as `subscribe`.
    public func unsubscribe(_ conversations: [ConversationID]) { subscriber.unsubscribe(conversations) }

    /// Returns when Redis has confirmed every subscription that was asked for: what is published from then on arrives,
    /// unless the connection is lost. Waits while Redis is down, and no longer than until ``close()``.
    public func settled() async { await subscriber.settled() }

    /// As ``settled()``, but returns at once while Redis is down, and after about a second whatever happens: with thousands who
    /// subscribe, confirmations may be due all the time.
    public func listens() async { await subscriber.listens() }

    /// Calls `body` each time when, after a time without a connection, everything is subscribed to again: events may have been
    /// lost until then, and none is from then on. On the subscriber's thread; it must not block.
    public func onReconnect(_ body: @escaping @Sendable () -> Void) { inbox.onReconnect(body) }
}
