import Logging
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCore

/// P5 with several nodes: whatever a node leaves undone, another does.
struct NodeRepairTests {
    @Test func `a node that died has its messages applied, told and notified by another`() async throws {
        let scene = try await Scene()
        let dead = scene.node()
        let stored = try await dead.storeWithoutEffects(3)
        await scene.register.renew(dead.id, dueFrom: dead.ledger.dueFrom(at: scene.second), seconds: 0)
        let events = EventCollector()
        scene.bus.attach(events)

        try await scene.node().keeping { _ in
            try await eventually { await scene.pendingJobs() == 3 }
            try await eventually { events.count == 3 }
        }
        #expect(await scene.jobs().map(\.messageID) == stored.map(\.id))
        #expect(await scene.unread() == 3)
    }

    @Test func `metadata that a dead node left behind are applied, also where appending applies them`() async throws {
        let scene = try await Scene()
        let stored = try await scene.node().storeWithoutEffects(3)
        let applying = ApplyingMessages(store: scene.store)
        let redo = EffectRedo(
            applier: MetadataApplier(messages: applying, conversations: scene.store), media: scene.redo.media,
            publisher: scene.redo.publisher, jobs: scene.redo.jobs, metadataMayLag: true)
        #expect(await scene.unread() == 0)
        #expect(try await redo.redo(stored) { false })
        #expect(await scene.unread() == 3)
    }

    @Test func `a node that lives is left alone`() async throws {
        let scene = try await Scene()
        let living = scene.node()
        try await living.keeping { _ in
            _ = try await living.storeWithoutEffects(1)
            try await scene.node().keeping { _ in try await Task.sleep(for: .seconds(0.5)) }
        }
        #expect(await scene.pendingJobs() == 0)
    }

    @Test func `a message that a stopped node stored late is found at the last look, and no other is told twice`() async throws {
        let scene = try await Scene()
        let stopped = scene.node()
        _ = try await stopped.storeWithoutEffects(2)
        await scene.register.renew(stopped.id, dueFrom: stopped.ledger.dueFrom(at: scene.second), seconds: 0)
        try await scene.node(lastLook: 0.4).keeping { _ in
            try await eventually { await scene.pendingJobs() == 2 }
            _ = try await stopped.storeWithoutEffects(1)
            try await eventually { await scene.pendingJobs() == 3 }
            try await eventually { await !scene.register.nodes.contains(stopped.id) }
        }
        #expect(await scene.jobs().map(\.sequenceNumber) == [1, 2, 3])
    }

    @Test func `a node that came back is left to itself, and looked at no more`() async throws {
        let scene = try await Scene()
        let stopped = scene.node()
        _ = try await stopped.storeWithoutEffects(2)
        await scene.register.renew(stopped.id, dueFrom: stopped.ledger.dueFrom(at: scene.second), seconds: 0)
        try await scene.node(lastLook: 0.2).keeping { _ in
            try await eventually { await scene.pendingJobs() == 2 }
            await scene.register.renew(stopped.id, dueFrom: stopped.ledger.dueFrom(at: scene.second), seconds: 60)
            _ = try await stopped.storeWithoutEffects(1)
            try await Task.sleep(for: .seconds(0.6))
        }
        #expect(await scene.pendingJobs() == 2)
        #expect(await scene.register.nodes.contains(stopped.id))
    }

    @Test func `a create whose lease is lost while it is stored is told that its outcome is not known`() async throws {
        let scene = try await Scene()
        let handed = Mutex<[Message]>([])
        let lane = AppendLane(
            store: scene.store, timeSource: scene.time, instruments: MessageInstruments(),
            permit: AppendPermit(
                beforeStoring: { () async throws(StoreError) in },
                beforeAnswering: { _ async throws(StoreError) in throw .unavailable("the lease has ended") }, isUnknown: { _ in }),
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { stored, _ in handed.withLock { $0 += stored.map(\.enriched.message) } }
        async let running: Void = lane.run()
        let refusal = await #expect(throws: ParleyError.self) {
            _ = try await lane.append(Sample.draft(in: scene.conversation, from: scene.users[0]), media: [])
        }
        lane.close()
        try await running
        #expect(refusal?.detail.contains("outcome is not known") == true)
        #expect(handed.withLock { $0.map(\.sequenceNumber) } == [1])
    }

    @Test func `a node stores nothing while its lease has ended and cannot be had, and goes on when it can`() async throws {
        let scene = try await Scene()
        let register = SwitchedRegister(scene.register)
        let keeper = scene.keeper(scene.node(), register: register)
        try await keeper.requireLease()
        await register.set(isDown: true)
        try await Task.sleep(for: .seconds(Scene.leaseSeconds + 0.05))
        await #expect(throws: StoreError.self) { try await keeper.requireLease() }
        await register.set(isDown: false)
        try await keeper.requireLease()
    }

    @Test func `a node that stops leaves no entry, or one that others take up at once`() async throws {
        let scene = try await Scene()
        let done = scene.node()
        try await done.keeping { keeper in try await keeper.requireLease() }
        #expect(await !scene.register.nodes.contains(done.id))
        let busy = scene.node()
        try await busy.keeping { keeper in
            try await keeper.requireLease()
            _ = try await busy.storeWithoutEffects(1)
        }
        #expect(await scene.register.takeOver(by: .random(), seconds: 60)?.node == busy.id)
    }

    // MARK: What a node does by itself

    @Test func `the effects of what is stored are carried out, and nothing stays due`() async throws {
        let scene = try await Scene()
        let node = scene.node()
        try await node.working {
            for _ in 0..<5 { try await node.storeAndHandOver(10) }
            try await eventually { node.ledger.count == 0 }
        }
        #expect(await scene.jobs().map(\.sequenceNumber) == Array(1...50))
        #expect(await scene.unread() == 50)
    }

    @Test func `what memory cannot keep is read back`() async throws {
        let scene = try await Scene(inMemory: 7)
        let node = scene.node()
        try await node.storeAndHandOver(40)
        try await node.working { try await eventually { node.ledger.count == 0 } }
        #expect(Set(await scene.jobs().map(\.sequenceNumber)) == Set(1...40))
    }

    @Test func `what could not be published is published when that works again, and notifications do not wait for it`() async throws {
        let scene = try await Scene(inMemory: 20)
        let events = EventCollector()
        scene.bus.attach(events)
        scene.bus.set(.refuses)
        let node = scene.node()
        try await node.working {
            for _ in 0..<4 { try await node.storeAndHandOver(10, areTold: false) }
            try await eventually { await scene.pendingJobs() == 40 }
            #expect(node.ledger.count == 40)
            #expect(events.count == 0)
            scene.bus.set(.works)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(events.numbers == Set(1...40))
        #expect(await scene.jobs().count == 40)
    }

    @Test func `what could not be published is published when that works again, though jobs cannot be queued then`() async throws {
        let scene = try await Scene(inMemory: 7)
        let events = EventCollector()
        scene.bus.attach(events)
        scene.bus.set(.refuses)
        scene.queue.set(isDown: true)
        let node = scene.node()
        try await node.working {
            for _ in 0..<4 { try await node.storeAndHandOver(10, areTold: false) }
            try await scene.queue.isAsked()
            scene.bus.set(.works)
            try await eventually { events.numbers == Set(1...40) }
            #expect(node.ledger.count == 40)
            scene.queue.set(isDown: false)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(Set(await scene.jobs().map(\.sequenceNumber)) == Set(1...40))
    }

    @Test func `notifications do not wait for a bus that does not answer`() async throws {
        let scene = try await Scene(inMemory: 7)
        scene.bus.set(.hangs)
        let node = scene.node()
        try await node.working {
            for _ in 0..<4 { try await node.storeAndHandOver(10, areTold: false) }
            try await eventually { await scene.pendingJobs() == 40 }
            scene.bus.set(.works)
            try await eventually { node.ledger.count == 0 }
        }
    }

    @Test func `a message whose media cannot be read does not keep others from being published`() async throws {
        let scene = try await Scene()
        let events = EventCollector()
        scene.bus.attach(events)
        let node = scene.node()
        try await node.working {
            try await node.storeAndHandOver(1, areTold: false, mediaIDs: [.random()])
            try await node.storeAndHandOver(3, areTold: false)
            try await eventually { events.numbers == [2, 3, 4] }
            #expect(node.ledger.count == 1)
            scene.media.set(isDown: false)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(events.numbers == [1, 2, 3, 4])
    }

    @Test func `what a dead node's successor could not publish it publishes later`() async throws {
        let scene = try await Scene()
        let dead = scene.node()
        _ = try await dead.storeWithoutEffects(3)
        await scene.register.renew(dead.id, dueFrom: dead.ledger.dueFrom(at: scene.second), seconds: 0)
        let events = EventCollector()
        scene.bus.attach(events)
        scene.bus.set(.refuses)
        let successor = scene.node()
        try await successor.working {
            try await successor.keeping { _ in
                try await eventually { await scene.pendingJobs() == 3 }
                scene.bus.set(.works)
                try await eventually { events.numbers == [1, 2, 3] }
            }
        }
        #expect(await scene.jobs().count == 3)
    }

    @Test func `a message of which nobody knows whether it is stored is looked for once that is decided, and holds up no other`()
        async throws
    {
        let scene = try await Scene()
        let node = scene.node()
        scene.log.set(isDecided: false)
        try await node.working {
            let stored = try await node.storeWithoutEffects(1)
            let missing = node.ids.next(at: scene.time.now())
            node.effects.isUnknown(stored.map(\.id) + [missing])
            try await node.storeAndHandOver(2)
            try await eventually { scene.log.refusals > 1 && node.ledger.count == 2 }
            #expect(await scene.pendingJobs() == 2)
            scene.log.set(isDecided: true)
            try await eventually { node.ledger.count == 0 }
        }
        #expect(Set(await scene.jobs().map(\.sequenceNumber)) == [1, 2, 3])
    }
}

/// A group of which one participant writes, and nodes that share its store.
private struct Scene: Sendable {
    static let leaseSeconds = 0.3

    let store = InMemoryStore()
    let register = InMemoryNodeRegister()
    let queue = SwitchedQueue()
    let bus = SwitchedBus()
    /// Down until somebody switches it on.
    let media: SwitchedMedia
    let log: SwitchedLog
    let users = Sample.users(2)
    let conversation = ConversationID.random()
    let time = SystemTimeSource()
    let configuration: NotifyConfiguration

    init(inMemory: Int = 10_000) async throws {
        var configuration = NotifyConfiguration()
        configuration.maxInMemory = inMemory
        configuration.pauseSeconds = 0.01
        self.configuration = configuration
        media = SwitchedMedia(store)
        log = SwitchedLog(store)
        await store.createGroup(id: conversation, title: nil, creator: users[0], others: [users[1]], at: time.now())
    }

    var second: Int64 { time.now().milliseconds / 1000 }
    func pendingJobs() async -> Int64 { await queue.inner.depth().pending }
    func jobs() async -> [PushJob] { await queue.inner.lease(limit: 1000, seconds: 60, at: time.now().advanced(bySeconds: 60)).map(\.job) }
    func unread() async -> Int64? { await store.view(of: conversation, for: users[1])?.readState.unreadCount }

    var redo: EffectRedo {
        EffectRedo(
            applier: MetadataApplier(messages: store, conversations: store), media: MediaService(store: media, timeSource: time),
            publisher: Publisher(bus: bus, instruments: MessageInstruments()),
            jobs: PushJobs(
                conversations: store, presence: InProcessPresence(), queue: queue, timeSource: time, configuration: configuration,
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, afterEnqueue: {}))
    }

    func node(lastLook: Double = 60) -> TestNode { TestNode(self, lastLook: lastLook) }

    func keeper(_ node: TestNode, register: any NodeRegister, lastLook: Double = 60) -> NodeKeeper {
        var configuration = NodeKeeper.Configuration()
        configuration.leaseSeconds = Self.leaseSeconds
        configuration.stepSeconds = 0.05
        configuration.lastLookSeconds = lastLook
        return NodeKeeper(
            node: node.id, register: register, ledger: node.ledger, log: store, redo: redo, whenUntold: { node.effects.tellLater($0) },
            timeSource: time,
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }
}

private struct TestNode: Sendable {
    private let scene: Scene
    private let lastLook: Double
    let ledger: EffectLedger
    let ids: MessageIDGenerator
    let effects: NodeEffects
    var id: NodeID { ids.node }

    init(_ scene: Scene, lastLook: Double) {
        self.scene = scene
        self.lastLook = lastLook
        ledger = EffectLedger()
        ids = MessageIDGenerator(ledger: ledger)
        effects = NodeEffects(
            node: ids.node, ledger: ledger, log: scene.log, redo: scene.redo, configuration: scene.configuration,
            instruments: MessageInstruments(), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    /// As just before the node dies: the messages are there, and nothing else.
    @discardableResult
    func storeWithoutEffects(_ count: Int) async throws -> [Message] {
        await append(count).map(\.0)
    }

    func storeAndHandOver(_ count: Int, areTold: Bool = true, mediaIDs: [MediaID] = []) async throws {
        let stored = await append(count, mediaIDs).map { message, position in
            AppendLane.Stored(
                enriched: EnrichedMessage(message: message, media: []), position: position, json: [], preview: message.content)
        }
        effects.stored(stored, areApplied: false, areTold: areTold)
    }

    private func append(_ count: Int, _ mediaIDs: [MediaID] = []) async -> [(Message, LogPosition)] {
        let batch = (0..<count).map { _ in
            NewMessage(
                id: ids.next(at: scene.time.now()), conversationID: scene.conversation, senderID: scene.users[0], clientMessageID: nil,
                messageType: .text, content: "Hello", mediaIDs: mediaIDs, createdAt: scene.time.now(), preview: "Hello")
        }
        return await scene.store.append(batch).compactMap { outcome in
            if case .stored(let message, let position) = outcome { (message, position) } else { nil }
        }
    }

    /// Runs `body` while the node keeps its lease and looks after others; then it stops as it should.
    func keeping(_ body: (NodeKeeper) async throws -> Void) async throws {
        let keeper = scene.keeper(self, register: scene.register, lastLook: lastLook)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keeper.run() }
            defer { group.cancelAll() }
            try await body(keeper)
        }
    }

    func working(_ body: () async throws -> Void) async throws {
        let effects = effects
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await effects.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }
}

/// Messages of a store that says that appending applies metadata.
private struct ApplyingMessages: MessageStore {
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
private actor SwitchedRegister: NodeRegister {
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

private final class EventCollector: EventSink {
    private let received = Mutex<[Int64]>([])
    var count: Int { received.withLock { $0.count } }
    var numbers: Set<Int64> { received.withLock { Set($0) } }
    func receive(_ events: [BusEvent]) {
        received.withLock { numbers in for case .message(_, let number, _) in events { numbers.append(number) } }
    }
}

/// A bus that may be out of reach.
private final class SwitchedBus: EventBus {
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
private final class SwitchedQueue: PushQueue {
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
private final class SwitchedLog: RepairLog {
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
private final class SwitchedMedia: MediaStore {
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

/// Waits for a condition; gives up after a time that only a broken thing needs.
private func eventually(_ condition: () async -> Bool) async throws {
    for _ in 0..<3000 {
        if await condition() { return }
        try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("the condition did not come about within 30 s")
}
