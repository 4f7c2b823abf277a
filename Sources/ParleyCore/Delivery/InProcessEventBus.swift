public import ParleyModel
import Synchronization

/// The event bus of a single process: every sink gets every event, within `publish`, so nothing is ever lost. There is
/// nothing to subscribe to, because everything is delivered.
public final class InProcessEventBus: EventBus {
    private let sinks = Mutex<[any EventSink]>([])

    public init() {}

    /// Sinks are called outside the lock, in the order in which they were attached; one may attach another.
    @discardableResult
    public func publish(_ events: [BusEvent]) async -> Bool {
        for sink in sinks.withLock({ $0 }) { sink.receive(events) }
        return true
    }

    public func attach(_ sink: any EventSink) {
        sinks.withLock { $0.append(sink) }
    }

    public func subscribe(_ conversations: [ConversationID]) {}

    public func unsubscribe(_ conversations: [ConversationID]) {}
}
