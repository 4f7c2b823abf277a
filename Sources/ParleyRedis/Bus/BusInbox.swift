import CoreMetrics
import ParleyCore
import ParleyModel
import Synchronization

/// What this node hears: hands on its own events at once and those of other nodes as they come, each once.
final class BusInbox: Sendable {
    /// How many of the messages that were published here lately are known again when they come back. One more that is not
    /// is delivered twice, which does no harm.
    private static let rememberedMessages = 16_384

    private struct Own: Hashable {
        let conversation: ConversationID
        let number: Int64
    }

    /// Of this node, for as long as the bus lives.
    let origin = RedisNodeID.random()
    private let sinks = Mutex<[any EventSink]>([])
    private let reconnected = Mutex<[@Sendable () -> Void]>([])
    private let own = Mutex(TwoGenerationCache<Own, Bool>(capacity: rememberedMessages))
    private let unread = Counter(label: "parley_bus_unread_events_total")

    func attach(_ sink: any EventSink) {
        sinks.withLock { $0.append(sink) }
    }

    /// Sinks are called outside the lock, in the order in which they were attached; one may attach another.
    func deliver(_ events: [BusEvent]) {
        for sink in sinks.withLock({ $0 }) { sink.receive(events) }
    }

    /// The message is about to be published by this node.
    func remember(_ conversation: ConversationID, _ number: Int64) {
        own.withLock { $0.insert(true, for: Own(conversation: conversation, number: number)) }
    }

    // MARK: From Redis

    func receive(_ payloads: [BusPayload]) {
        var events: [BusEvent] = []
        for payload in payloads {
            do throws(BusPayloadError) {
                if let event = try event(in: payload) { events.append(event) }
            } catch {
                unread.increment()
            }
        }
        if !events.isEmpty { deliver(events) }
    }

    /// Nil for events of this node and for kinds that are not known here.
    private func event(in payload: BusPayload) throws(BusPayloadError) -> BusEvent? {
        switch payload.channel {
        case .messages(let id):
            let number = try MessagePayload.sequenceNumber(of: payload.bytes)
            let isOwn = own.withLock { $0[Own(conversation: id, number: number)] != nil }
            return isOwn ? nil : .message(id, sequenceNumber: number, json: payload.bytes)
        case .conversation, .everybody:
            guard let envelope = try BusEnvelope(payload.bytes), envelope.origin != origin else { return nil }
            return envelope.event
        }
    }

    func onReconnect(_ body: @escaping @Sendable () -> Void) {
        reconnected.withLock { $0.append(body) }
    }

    func tellReconnected() {
        for body in reconnected.withLock({ $0 }) { body() }
    }
}

/// What came in over a channel.
struct BusPayload {
    let channel: BusChannel
    let bytes: [UInt8]
}
