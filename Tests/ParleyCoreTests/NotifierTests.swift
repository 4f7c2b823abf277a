import Logging
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCore

/// Step 8, and the repair of steps 6 to 8 after a restart (P5), on the in-memory stores.
@Suite(.timeLimit(.minutes(1)))
struct NotifierTests {
    @Test func `what a crash left undone is applied, published and queued at the start`() async throws {
        let scene = try await Scene(participants: 3)
        let stored = try await scene.storeWithoutEffects(5)
        let events = EventCollector()
        scene.bus.attach(events)

        try await scene.withNotifier { try await scene.waitUntilDone(through: 5) }

        let published = await events.events(5).map { event -> Int64 in
            if case .message(_, let number, _) = event { number } else { 0 }
        }
        #expect(published == [1, 2, 3, 4, 5])
        let jobs = try await scene.jobs()
        #expect(jobs.map(\.messageID) == stored.map(\.id))
        #expect(jobs.allSatisfy { Set($0.recipients) == Set(scene.users.dropFirst()) })
        let view = await scene.store.view(of: scene.conversation, for: scene.users[1])
        #expect(view?.readState.unreadCount == 5)
        #expect(view?.conversation.lastMessage?.id == stored.last?.id)
    }

    @Test func `who is online when the message's turn comes gets no job, and the sender never does`() async throws {
        let scene = try await Scene(participants: 3)
        await scene.presence.arrived(scene.users[1])
        _ = try await scene.storeWithoutEffects(1)
        try await scene.withNotifier { try await scene.waitUntilDone(through: 1) }
        #expect(try await scene.jobs().map(\.recipients) == [[scene.users[2]]])
    }

    @Test func `who is online with nobody at any connection gets a job`() async throws {
        let scene = try await Scene(participants: 4)
        for user in scene.users[1...2] {
            for _ in 0..<2 { await scene.presence.arrived(user) }
            await scene.presence.turned(user, .away)
        }
        await scene.presence.turned(scene.users[1], .away)
        _ = try await scene.storeWithoutEffects(1)
        try await scene.withNotifier { try await scene.waitUntilDone(through: 1) }
        #expect(try await scene.jobs().map { Set($0.recipients) } == [[scene.users[1], scene.users[3]]])
    }

    @Test func `a large group gets jobs of at most five hundred, each recipient once`() async throws {
        let scene = try await Scene(participants: 1202, page: 700)
        _ = try await scene.storeWithoutEffects(2)
        try await scene.withNotifier { try await scene.waitUntilDone(through: 2) }
        let jobs = try await scene.jobs()
        #expect(jobs.allSatisfy { $0.recipients.count <= PushJob.maxRecipients })
        for (_, parts) in Dictionary(grouping: jobs, by: \.messageID) {
            #expect(parts.map(\.part).sorted() == [0, 1, 2])
            let recipients = parts.flatMap(\.recipients)
            #expect(recipients.count == 1201 && Set(recipients) == Set(scene.users.dropFirst()))
        }
    }

    @Test func `a queue that fails for a while delays notifications and forgets nobody`() async throws {
        let scene = try await Scene(participants: 2, failures: 3)
        _ = try await scene.storeWithoutEffects(4)
        try await scene.withNotifier { try await scene.waitUntilDone(through: 4) }
        #expect(try await scene.jobs().map(\.sequenceNumber) == [1, 2, 3, 4])
    }

    @Test func `messages handed over while it runs are queued, also those that memory could not keep`() async throws {
        let scene = try await Scene(participants: 2, inMemory: 3)
        try await scene.withNotifier {
            for _ in 0..<4 { try await scene.storeAndHandOver(10) }
            try await scene.waitUntilDone(through: 40)
        }
        #expect(try await scene.jobs().map(\.sequenceNumber) == Array(1...40))
    }
}

/// A group with stored messages, and a notifier over it.
private struct Scene {
    let store = InMemoryStore()
    let presence = InProcessPresence(timeSource: ManualTimeSource())
    let bus = InProcessEventBus()
    let queue: FailingPushQueue
    let users: [UserID]
    let conversation = ConversationID.random()
    private let notifier: Notifier

    init(participants: Int, page: Int = 5000, inMemory: Int = 10_000, failures: Int = 0) async throws {
        users = Sample.users(participants)
        queue = FailingPushQueue(failures: failures)
        await store.createGroup(
            id: conversation, title: nil, creator: users[0], others: Array(users.dropFirst()), at: Sample.start)
        let logger = Logger(label: "test")
        let time = ManualTimeSource()
        var configuration = NotifyConfiguration()
        configuration.firstParticipants = page
        configuration.participantPage = page
        configuration.maxInMemory = inMemory
        configuration.maxRecipientsPerWrite = 600
        configuration.pauseSeconds = 0.001
        let instruments = MessageInstruments()
        let jobs = PushJobs(
            conversations: store, presence: presence, queue: queue, timeSource: time, configuration: configuration, logger: logger,
            afterEnqueue: {})
        let redo = EffectRedo(
            applier: MetadataApplier(messages: store, conversations: store), media: MediaService(store: store, timeSource: time),
            publisher: Publisher(bus: bus, instruments: instruments), jobs: jobs)
        notifier = Notifier(log: store, redo: redo, configuration: configuration, instruments: instruments, logger: logger)
    }

    /// As after a crash: the messages are there, and nothing else.
    func storeWithoutEffects(_ count: Int) async throws -> [Message] {
        try await append(count).map(\.0)
    }

    /// As a lane does it.
    func storeAndHandOver(_ count: Int) async throws {
        notifier.stored(
            try await append(count).map { message, position in
                AppendLane.Stored(
                    enriched: EnrichedMessage(message: message, media: []), position: position, json: [], preview: message.content)
            })
    }

    private func append(_ count: Int) async throws -> [(Message, LogPosition)] {
        await store.append((0..<count).map { _ in Sample.draft(in: conversation, from: users[0]) }).compactMap { outcome in
            if case .stored(let message, let position) = outcome { (message, position) } else { nil }
        }
    }

    func withNotifier(_ body: () async throws -> Void) async throws {
        let notifier = notifier
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await notifier.run() }
            defer { group.cancelAll() }
            try await body()
        }
    }

    func waitUntilDone(through position: Int64) async throws {
        while await store.checkpoint() < LogPosition(position) { await Task.yield() }
    }

    func jobs() async throws -> [PushJob] {
        try await queue.lease(limit: 10_000, seconds: 60, at: Sample.time(60)).map(\.job)
    }
}

/// A queue whose first calls of `enqueue` fail.
private actor FailingPushQueue: PushQueue {
    private let queue = InMemoryPushQueue()
    private var failures: Int

    init(failures: Int) { self.failures = failures }

    func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError) {
        if failures > 0 {
            failures -= 1
            throw .unavailable("not now")
        }
        await queue.enqueue(jobs, at: now)
    }

    func lease(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [LeasedPushJob] {
        await queue.lease(limit: limit, seconds: seconds, at: now)
    }

    func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async throws(StoreError) {
        await queue.finish(results, at: now)
    }

    func deadLetters(limit: Int, after: PushJobID?) async throws(StoreError) -> [DeadPushJob] {
        await queue.deadLetters(limit: limit, after: after)
    }

    func replay(_ ids: [PushJobID]?, at now: Timestamp) async throws(StoreError) -> Int { await queue.replay(ids, at: now) }

    func depth() async throws(StoreError) -> PushQueueDepth { await queue.depth() }
}
