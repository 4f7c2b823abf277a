import Logging
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyCore

/// Who is told of messages that died with a connection: on the in-memory stores, from coming to the job. Times are seconds.
@Suite(.timeLimit(.minutes(1)))
struct SecondLooksTests {
    @Test func `what came while the user was there and reached no device is notified a minute after they have gone`() async throws {
        let scene = try await Scene()
        await scene.arrives()
        let messages = try await scene.send(2, at: 100)
        await scene.leaves(at: 110)
        #expect(try await scene.jobs(at: 169).isEmpty)
        let jobs = try await scene.jobs(at: 170)
        #expect(jobs.map(\.messageID) == messages.map(\.id))
        #expect(jobs.map(\.recipients) == [[scene.ben], [scene.ben]])
        #expect(jobs.map(\.messagePreview) == ["Hello 0", "Hello 1"])
        #expect(try await scene.jobs(at: 1000).isEmpty)
    }

    @Test func `what a device acknowledged, or the user has read or sent, is not`() async throws {
        let scene = try await Scene()
        await scene.arrives()
        try await scene.send(1, at: 100)
        try await scene.send(1, at: 101, from: scene.ben)
        try await scene.send(3, at: 102)
        _ = await scene.store.advanceRead(of: scene.ben, in: scene.conversation, to: 1, at: Sample.time(103))
        _ = await scene.store.advanceDelivered(of: scene.ben, in: scene.conversation, to: 4, at: Sample.time(103))
        await scene.leaves(at: 110)
        #expect(try await scene.jobs(at: 170).map(\.sequenceNumber) == [5])
    }

    @Test func `what was read within the minute is not`() async throws {
        let scene = try await Scene()
        await scene.arrives()
        try await scene.send(1, at: 100)
        await scene.leaves(at: 110)
        _ = await scene.store.advanceRead(of: scene.ben, in: scene.conversation, to: 1, at: Sample.time(150))
        #expect(try await scene.jobs(at: 170).isEmpty)
    }

    @Test func `what reached a device at which nobody sat any more is notified`() async throws {
        let scene = try await Scene()
        await scene.arrives()
        try await scene.send(1, at: 100)
        try await scene.send(1, at: 200)
        _ = await scene.store.advanceDelivered(of: scene.ben, in: scene.conversation, to: 2, at: Sample.time(201))
        scene.time.set(Sample.time(270))
        await scene.service.turnedAway(scene.ben, seenUntil: Sample.time(150))
        await scene.keeper.write()
        #expect(try await scene.jobs(at: 330).map(\.sequenceNumber) == [2])
    }

    @Test func `who is back within the minute is not told, and their next end looks as far back`() async throws {
        let scene = try await Scene()
        await scene.arrives()
        try await scene.send(1, at: 100)
        await scene.leaves(at: 110)
        await scene.arrives(at: 160)
        #expect(try await scene.jobs(at: 1000).isEmpty)
        await scene.leaves(at: 1010)
        #expect(try await scene.jobs(at: 1070).map(\.sequenceNumber) == [1])
    }

    @Test func `while one of several connections is left nobody is looked at`() async throws {
        let scene = try await Scene()
        for _ in 0..<2 { await scene.arrives() }
        try await scene.send(1, at: 100)
        await scene.leaves(at: 110)
        #expect(try await scene.jobs(at: 500).isEmpty)
        await scene.leaves(at: 510)
        #expect(try await scene.jobs(at: 570).map(\.sequenceNumber) == [1])
    }

    @Test func `messages from long before the user came are not looked at`() async throws {
        let scene = try await Scene()
        try await scene.send(1, at: 100)
        scene.time.set(Sample.time(10_000))
        await scene.arrives()
        await scene.leaves(at: 10_010)
        #expect(try await scene.jobs(at: 10_070).isEmpty)
    }

    @Test func `a message whose job was still waiting when the user came is looked at`() async throws {
        let scene = try await Scene()
        try await scene.send(1, at: 100)
        await scene.arrives(at: 200)
        await scene.leaves(at: 210)
        #expect(try await scene.jobs(at: 270).map(\.sequenceNumber) == [1])
    }

    @Test func `of many messages the newest are told`() async throws {
        let scene = try await Scene()
        await scene.arrives()
        try await scene.send(30, at: 100)
        await scene.leaves(at: 110)
        #expect(try await scene.jobs(at: 170).map(\.sequenceNumber) == [27, 28, 29, 30])
    }

    @Test func `those who missed the same message are in one job`() async throws {
        let scene = try await Scene(participants: 600)
        await scene.writing { for user in scene.users.dropFirst() { await scene.service.arrived(user) } }
        try await scene.send(1, at: 100)
        scene.time.set(Sample.time(110))
        for user in scene.users.dropFirst() { await scene.service.left(user) }
        await scene.keeper.write()
        scene.time.set(Sample.time(170))
        #expect(try await scene.looks.lookAgain() == 500)
        #expect(try await scene.looks.lookAgain() == 99)
        let jobs = await scene.queue.lease(limit: 100, seconds: 60, at: scene.time.now())
        #expect(jobs.count == 2)
        #expect(Set(jobs.flatMap(\.job.recipients)) == Set(scene.users.dropFirst()))
    }

    @Test func `who sits elsewhere by the presence of all nodes is not told`() async throws {
        let scene = try await Scene()
        await scene.arrives()
        try await scene.send(1, at: 100)
        await scene.leaves(at: 110)
        // At another node's connection.
        scene.time.set(Sample.time(150))
        await scene.presence.arrived(scene.ben)
        await scene.store.began([scene.ben], at: NodeID(7), since: Sample.time(150))
        #expect(try await scene.jobs(at: 170).isEmpty)
        await scene.store.ended(node: NodeID(7), dueAt: Sample.time(300))
        await scene.presence.left(scene.ben, .attended, at: Sample.time(250))
        #expect(try await scene.jobs(at: 300).map(\.sequenceNumber) == [1])
    }
}

/// Ada and Ben in a conversation; Ben comes and goes.
private final class Scene: Sendable {
    let store = InMemoryStore()
    let queue = InMemoryPushQueue()
    let time = ManualTimeSource(Sample.time(90))
    let presence: InProcessPresence
    let keeper: AttendanceKeeper
    let service: PresenceService
    let looks: SecondLooks
    let users: [UserID]
    let conversation: ConversationID
    var ben: UserID { users[1] }

    init(participants: Int = 2) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        presence = InProcessPresence(timeSource: time)
        keeper = AttendanceKeeper(store, node: .only, timeSource: time, logger: logger)
        service = PresenceService(
            presence: presence, conversations: store, bus: InProcessEventBus(), timeSource: time, attendance: keeper)
        let jobs = PushJobs(
            conversations: store, presence: presence, queue: queue, timeSource: time, logger: logger, afterEnqueue: {})
        looks = SecondLooks(store, presence: presence, messages: store, jobs: jobs, timeSource: time, logger: logger)
        users = Sample.users(participants)
        conversation = .random()
        await store.createGroup(
            id: conversation, title: nil, creator: users[0], others: Array(users.dropFirst()), at: Sample.start)
    }

    @discardableResult
    func send(_ count: Int, at seconds: Double, from sender: UserID? = nil) async throws -> [Message] {
        let drafts = (0..<count).map {
            Sample.draft(in: conversation, from: sender ?? users[0], "Hello \($0)", at: Sample.time(seconds))
        }
        return try await StoreSubject(store).send(drafts).compactMap(\.storedMessage)
    }

    func arrives(at seconds: Double? = nil) async {
        if let seconds { time.set(Sample.time(seconds)) }
        await writing { await self.service.arrived(self.ben) }
    }

    /// Runs `body` while the keeper writes.
    func writing(_ body: @escaping @Sendable () async -> Void) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask(operation: body)
            group.addTask {
                while !Task.isCancelled {
                    await self.keeper.write()
                    await Task.yield()
                }
            }
            await group.next()
            group.cancelAll()
        }
    }

    func leaves(at seconds: Double) async {
        time.set(Sample.time(seconds))
        await service.left(ben)
        await keeper.write()
    }

    /// The jobs of the looks that are due then, which are done.
    func jobs(at seconds: Double) async throws -> [PushJob] {
        time.set(Sample.time(seconds))
        await keeper.write()
        while try await looks.lookAgain() > 0 {}
        let leased = await queue.lease(limit: 1000, seconds: 60, at: time.now())
        await queue.finish(Dictionary(uniqueKeysWithValues: leased.map { ($0.id, .done) }), at: time.now())
        return leased.map(\.job)
    }
}
