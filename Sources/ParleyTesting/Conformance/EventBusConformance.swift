public import ParleyCore
public import ParleyModel
import Synchronization

/// The bus of a node that publishes and of one that listens, which may be the same, and how to wait until what was subscribed
/// to is in effect, which takes a while where a broker is involved.
public struct EventBusSubject: Sendable {
    public let bus: any EventBus
    public let listener: any EventBus
    public let settle: @Sendable () async throws -> Void

    public init(_ bus: any EventBus, listener: (any EventBus)? = nil, settle: @escaping @Sendable () async throws -> Void = {}) {
        self.bus = bus
        self.listener = listener ?? bus
        self.settle = settle
    }
}

/// What ``ParleyCore/EventBus`` promises while nothing fails; that events may be lost is for its users to live with.
public enum EventBusConformance {
    public static let cases: [ConformanceCase<EventBusSubject>] = [
        ConformanceCase("every kind of event arrives as it was published") { subject in
            let (conversation, user) = (ConversationID.random(), UserID.random())
            let sink = try await subject.attachSink(for: [conversation])
            let events: [BusEvent] = [
                Self.message(.max, in: conversation, "👩‍👩‍👧"),
                .conversationCreated(conversation, [user, user]),
                .conversationChanged(conversation, ConversationStamp(version: 3, title: "👩‍👩‍👧", participantCount: 2)),
                .participantChanged(Self.change(conversation, user, .joined, .readOnly), lastSequence: 7),
                .participantChanged(Self.change(conversation, user, .left, nil), lastSequence: 0),
                .muteChanged(conversation, user, MuteState(.forever, at: Sample.start)),
                .notificationLevelChanged(conversation, user, .mentions),
                .read(conversation, user, ReadState(lastReadSequence: 4, unreadCount: 2, lastSequence: 9), toOthers: true),
                .delivered(conversation, user, sequenceNumber: 5),
                .receipts(conversation, ReceiptCounts(sequenceNumber: 9, readCount: 1, deliveredCount: 2, conversationID: conversation)),
                .typing(conversation, user, isTyping: true),
                .presence(user, PresenceState(online: false, lastSeenAt: Sample.start)),
                .tokensRevoked(user, before: Sample.start),
            ]
            await subject.bus.publish(events)
            try checkEqual(await sink.events(events.count).map { "\($0)" }, events.map { "\($0)" }, "the events")
        },
        ConformanceCase("every sink gets every event") { subject in
            let conversation = ConversationID.random()
            let sinks = [
                try await subject.attachSink(for: [conversation]), try await subject.attachSink(for: [conversation]),
                try await subject.attachSink(for: [conversation]),
            ]
            await subject.bus.publish((1...5).map { Self.message($0, in: conversation) })
            for sink in sinks {
                try checkEqual(await sink.events(5).map(\.sequenceNumber), [1, 2, 3, 4, 5], "the events of one sink")
            }
        },
        ConformanceCase("one publisher's events arrive in its order") { subject in
            let conversations = (0..<3).map { _ in ConversationID.random() }
            let sink = try await subject.attachSink(for: conversations)
            for number in 0..<30 as Range<Int64> {
                await subject.bus.publish([
                    Self.message(2 * number, in: conversations[0]),
                    Self.message(2 * number + 1, in: conversations[Int(number) % 3]),
                ])
            }
            try checkEqual(await sink.events(60).map(\.sequenceNumber), Array(0..<60), "the events")
        },
        ConformanceCase("many publishers at the same time lose nothing, and each keeps its order") { subject in
            let conversations = (0..<16).map { _ in ConversationID.random() }
            let sink = try await subject.attachSink(for: conversations)
            _ = try await concurrently(16) { publisher in
                for number in 0..<20 as Range<Int64> {
                    await subject.bus.publish([Self.message(number, in: conversations[publisher])])
                }
            }
            let events = await sink.events(320)
            for conversation in conversations {
                let numbers = events.filter { $0.conversationID == conversation }.map(\.sequenceNumber)
                try checkEqual(numbers, Array(0..<20), "one publisher's events")
            }
        },
        ConformanceCase("publishing where nobody listens does no harm") { subject in
            await subject.bus.publish([.conversationCreated(.random(), [])])
            await subject.bus.publish([])
        },
        ConformanceCase("after unsubscribing from one conversation the others still arrive") { subject in
            let conversations = (0..<2).map { _ in ConversationID.random() }
            let sink = try await subject.attachSink(for: conversations)
            subject.listener.unsubscribe([conversations[0]])
            try await subject.settle()
            await subject.bus.publish([Self.message(1, in: conversations[1])])
            try checkEqual(await sink.events(1).map(\.conversationID), [conversations[1]], "the events")
        },
    ]
}

extension EventBusConformance {
    /// With the JSON that the bus is promised: an adapter may read the number from it.
    private static func message(_ number: Int64, in conversation: ConversationID, _ content: String = "Hello") -> BusEvent {
        let message = Message(
            id: Sample.messageID(), conversationID: conversation, senderID: .random(), clientMessageID: nil, messageType: .text,
            content: content, mediaIDs: [], sequenceNumber: number, createdAt: Sample.start)
        return .message(conversation, sequenceNumber: number, json: EnrichedMessage(message: message, media: []).json)
    }

    private static func change(_ id: ConversationID, _ user: UserID, _ kind: ParticipantChange.Kind, _ role: Role?) -> ParticipantChange {
        ParticipantChange(conversationID: id, userID: user, kind: kind, role: role, participantCount: 2, version: 4)
    }
}

extension EventBusSubject {
    fileprivate func attachSink(for conversations: [ConversationID]) async throws -> EventCollector {
        let sink = EventCollector()
        listener.attach(sink)
        listener.subscribe(conversations)
        try await settle()
        return sink
    }
}

/// A sink that keeps what it gets, and lets a test wait for it.
public final class EventCollector: EventSink {
    private struct Waiter {
        let count: Int
        let continuation: CheckedContinuation<[BusEvent], Never>
    }

    private let state = Mutex<(events: [BusEvent], waiters: [Waiter])>(([], []))

    public init() {}

    public func receive(_ events: [BusEvent]) {
        let ready = state.withLock { state in
            state.events += events
            let count = state.events.count
            let ready = state.waiters.filter { $0.count <= count }
            state.waiters.removeAll { $0.count <= count }
            return ready.map { ($0.continuation, Array(state.events.prefix($0.count))) }
        }
        for (continuation, events) in ready { continuation.resume(returning: events) }
    }

    /// The first `count` events, once they are there.
    public func events(_ count: Int) async -> [BusEvent] {
        await withCheckedContinuation { continuation in
            let events: [BusEvent]? = state.withLock { state in
                if state.events.count >= count { return Array(state.events.prefix(count)) }
                state.waiters.append(Waiter(count: count, continuation: continuation))
                return nil
            }
            if let events { continuation.resume(returning: events) }
        }
    }

    /// What has come so far.
    public var received: [BusEvent] { state.withLock { $0.events } }
}

extension BusEvent {
    /// Nil for what belongs to a user and no conversation.
    public var conversationID: ConversationID? {
        switch self {
        case .message(let id, _, _), .conversationCreated(let id, _), .conversationChanged(let id, _), .muteChanged(let id, _, _),
            .notificationLevelChanged(let id, _, _), .read(let id, _, _, _), .delivered(let id, _, _), .receipts(let id, _),
            .typing(let id, _, _):
            id
        case .participantChanged(let change, _): change.conversationID
        case .presence, .tokensRevoked: nil
        }
    }

    fileprivate var sequenceNumber: Int64? {
        if case .message(_, let number, _) = self { number } else { nil }
    }
}
