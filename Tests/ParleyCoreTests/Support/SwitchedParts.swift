import ParleyModel
import ParleyTesting
import Synchronization

@testable import ParleyCore

/// Messages of a store that says that appending applies metadata.
struct ApplyingMessages: MessageStore {
    let store: InMemoryStore
    var appliesMetadata: Bool { true }

    func append(_ batch: [NewMessage]) async -> [AppendOutcome] { await store.append(batch) }
    func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async -> History {
        await store.history(of: conversation, query, limit: limit)
    }
    func heads(after mark: ActivityMark?) async -> ActivityHeads { await store.heads(after: mark) }
    func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async -> Message? {
        await store.message(in: conversation, from: sender, clientMessageID: clientMessageID)
    }
}

/// A register that may be out of reach.
actor SwitchedRegister: NodeRegister {
    private let register: InMemoryNodeRegister
    private var isDown = false

    init(_ register: InMemoryNodeRegister) { self.register = register }

    func set(isDown: Bool) { self.isDown = isDown }

    private func check() throws(StoreError) { if isDown { throw .unavailable("not now") } }

    func renew(_ node: NodeID, dueFrom: Int64, seconds: Double) async throws(StoreError) {
        try check()
        await register.renew(node, dueFrom: dueFrom, seconds: seconds)
    }

    func takeOver(by holder: NodeID, seconds: Double) async throws(StoreError) -> LapsedNode? {
        try check()
        return await register.takeOver(by: holder, seconds: seconds)
    }

    func advance(_ node: NodeID, to dueFrom: Int64, by holder: NodeID, seconds: Double) async throws(StoreError) -> Bool {
        try check()
        return await register.advance(node, to: dueFrom, by: holder, seconds: seconds)
    }

    func forget(_ node: NodeID, by holder: NodeID) async throws(StoreError) {
        try check()
        await register.forget(node, by: holder)
    }
}

/// The numbers of the messages that the bus has told of.
final class ToldMessages: EventSink {
    private let received = Mutex<[Int64]>([])
    var count: Int { received.withLock { $0.count } }
    var numbers: Set<Int64> { received.withLock { Set($0) } }
    func receive(_ events: [BusEvent]) {
        received.withLock { numbers in for case .message(_, let number, _) in events { numbers.append(number) } }
    }
}

/// A bus that may be out of reach.
final class SwitchedBus: EventBus {
    enum Behaviour { case works, refuses, hangs }

    private let bus = InProcessEventBus()
    private let behaviour = Mutex(Behaviour.works)

    func set(_ value: Behaviour) { behaviour.withLock { $0 = value } }
    func publish(_ events: [BusEvent]) async -> Bool {
        while behaviour.withLock({ $0 }) == .hangs, !Task.isCancelled { try? await Task.sleep(for: .milliseconds(5)) }
        return behaviour.withLock { $0 } == .works ? await bus.publish(events) : false
    }
    func attach(_ sink: any EventSink) { bus.attach(sink) }
    func subscribe(_ conversations: [ConversationID]) {}
    func unsubscribe(_ conversations: [ConversationID]) {}
}

/// A queue that may be out of reach.
final class SwitchedQueue: PushQueue {
    let inner = InMemoryPushQueue()
    private let state = Mutex((isDown: false, refusals: 0))

    func set(isDown: Bool) { state.withLock { $0.isDown = isDown } }

    /// Returns when it has refused.
    func isAsked() async throws { try await eventually { state.withLock { $0.refusals } > 0 } }

    func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError) {
        let isDown = state.withLock { state in
            if state.isDown { state.refusals += 1 }
            return state.isDown
        }
        if isDown { throw .unavailable("the queue is down") }
        await inner.enqueue(jobs, at: now)
    }

    func lease(limit: Int, seconds: Double, at now: Timestamp) async -> [LeasedPushJob] {
        await inner.lease(limit: limit, seconds: seconds, at: now)
    }
    func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async { await inner.finish(results, at: now) }
    func deadLetters(limit: Int, after: PushJobID?) async -> [DeadPushJob] { await inner.deadLetters(limit: limit, after: after) }
    func replay(_ ids: [PushJobID]?, at now: Timestamp) async -> Int { await inner.replay(ids, at: now) }
    func depth() async -> PushQueueDepth { await inner.depth() }
}

/// A log that may not be able to say what is stored for good.
final class SwitchedLog: RepairLog {
    private let store: InMemoryStore
    private let state = Mutex((isDecided: true, refusals: 0))
    var refusals: Int { state.withLock { $0.refusals } }

    init(_ store: InMemoryStore) { self.store = store }

    func set(isDecided: Bool) { state.withLock { $0.isDecided = isDecided } }

    func settleUnknown() async throws(StoreError) {
        let isDecided = state.withLock { state in
            if !state.isDecided { state.refusals += 1 }
            return state.isDecided
        }
        if !isDecided { throw .unavailable("not decided") }
    }

    func messages(
        madeBy node: NodeID, in seconds: Range<Int64>, after last: MessageID?, limit: Int
    ) async throws(StoreError) -> [Message] {
        await store.messages(madeBy: node, in: seconds, after: last, limit: limit)
    }
}

/// Media that cannot be read until they are switched on.
final class SwitchedMedia: MediaStore {
    private let store: InMemoryStore
    private let isDown = Mutex(true)

    init(_ store: InMemoryStore) { self.store = store }

    func set(isDown value: Bool) { isDown.withLock { $0 = value } }

    func register(_ media: Media) async throws(StoreError) { await store.register(media) }
    func media(_ ids: [MediaID]) async throws(StoreError) -> [MediaID: Media] {
        if isDown.withLock({ $0 }) { throw .unavailable("media are down") }
        return await store.media(ids)
    }
    func wasSent(_ id: MediaID, whereParticipates user: UserID) async throws(StoreError) -> Bool {
        await store.wasSent(id, whereParticipates: user)
    }
}
