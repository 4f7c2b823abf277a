public import ParleyBench
import ParleyCore
public import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyRabbitMQ
import Synchronization

extension BenchEngines {
    /// Rows of an insert, messages of a publish: as many as a full batch of Parley's.
    private static let batch = 100
    private static let callers = 4

    /// What each engine can do by itself: one small step at a time, and the most that it takes from several callers.
    ///
    /// - Parameter conversations: They exist, belong to nobody else's row, and are as many as there may be connections.
    public func limits(in conversations: [ConversationID]) -> [EngineLimit] {
        let source = NumberedMessages()
        let rows = conversations
        return [
            EngineLimit("mongod insertMany of 1, majority", callers: 1, perCall: 1) { [messages] _ in
                _ = try await messages.store(source.next(1))
            },
            EngineLimit("mongod insertMany of 100, majority", callers: Self.callers, perCall: Self.batch) { [messages] _ in
                _ = try await messages.store(source.next(Self.batch))
            },
            EngineLimit("PostgreSQL commits", callers: 1, perCall: 1) { [writes] _ in
                _ = try await writes.nextSequence(of: rows[0])
            },
            EngineLimit("PostgreSQL commits", callers: 8, perCall: 1) { [writes] caller in
                _ = try await writes.nextSequence(of: rows[caller % rows.count])
            },
            EngineLimit("Redis PUBLISH", callers: 1, perCall: 1) { [bus] _ in
                try await Self.publish(source.next(1), on: bus)
            },
            EngineLimit("Redis PUBLISH, 100 in a pipeline", callers: Self.callers, perCall: Self.batch) { [bus] _ in
                try await Self.publish(source.next(Self.batch), on: bus)
            },
            EngineLimit("RabbitMQ confirmed publishes", callers: 1, perCall: 1) { [queue] _ in
                try await queue.enqueue(source.next(1).map(Self.job), at: .benchNow)
            },
            EngineLimit("RabbitMQ confirmed publishes, 100 at once", callers: Self.callers, perCall: Self.batch) { [queue] _ in
                try await queue.enqueue(source.next(Self.batch).map(Self.job), at: .benchNow)
            },
        ]
    }

    static func publish(_ messages: [Message], on bus: any EventBus) async throws {
        let events = messages.map { message in
            var json = JSONWriter()
            EnrichedMessage(message: message, media: []).write(to: &json)
            return BusEvent.message(message.conversationID, sequenceNumber: message.sequenceNumber, json: json.bytes)
        }
        guard await bus.publish(events) else { throw StoreError.unavailable("redis: nothing was published") }
    }

    static func job(_ message: Message) -> PushJob {
        PushJob(
            messageID: message.id, conversationID: message.conversationID, senderID: message.senderID,
            sequenceNumber: message.sequenceNumber, recipients: [message.senderID], messagePreview: String(message.content.prefix(50)),
            createdAt: message.createdAt, part: 0)
    }
}

/// Messages as a create of the benchmark makes them, in a conversation of their own, which exists for MongoDB alone.
private final class NumberedMessages: Sendable {
    private let conversation = ConversationID.random()
    private let sender = UserID.random()
    private let ids = MessageIDGenerator()
    private let sequence = Atomic<Int64>(0)

    func next(_ count: Int) -> [Message] {
        let now = Timestamp.benchNow
        let last = sequence.add(Int64(count), ordering: .relaxed).newValue
        return (last - Int64(count) + 1...last).map { number in
            Message(
                id: ids.next(at: now), conversationID: conversation, senderID: sender, clientMessageID: "bench-\(number)",
                messageType: .text, content: BenchText.message, mediaIDs: [], sequenceNumber: number, createdAt: now)
        }
    }
}

extension Timestamp {
    static var benchNow: Timestamp { SystemTimeSource().now() }
}
