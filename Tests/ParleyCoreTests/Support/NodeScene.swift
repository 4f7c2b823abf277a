import Logging
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyCore

/// A group of which one participant writes, and nodes that share its store.
struct NodeScene: Sendable {
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

struct TestNode: Sendable {
    private let scene: NodeScene
    private let lastLook: Double
    let ledger: EffectLedger
    let ids: MessageIDGenerator
    let effects: NodeEffects
    var id: NodeID { ids.node }

    init(_ scene: NodeScene, lastLook: Double) {
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
