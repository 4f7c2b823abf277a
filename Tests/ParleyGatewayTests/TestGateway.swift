import Dispatch
import Logging
import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting

@testable import ParleyGateway

/// A hub on one loop whose time is moved by hand, over stores in memory.
struct TestGateway: Sendable {
    let store = InMemoryStore()
    let time = ManualTimeSource()
    let loop = NIOAsyncTestingEventLoop()
    let reader: CatchUpReader
    let resume: ResumeService
    let hub: Hub
    let configuration: GatewayConfiguration
    /// Not running: what sockets ask stays with them, for tests to look at.
    let sessions = SocketSessions()
    let services: GatewayServices
    /// What happens through the services is told over this bus.
    let bus = InProcessEventBus()
    let conversations: ConversationService

    /// Runs `test` while the reader's workers work.
    static func run<Value: Sendable>(
        _ configuration: GatewayConfiguration = .init(), _ test: @Sendable (TestGateway) async throws -> Value
    ) async throws -> Value {
        let gateway = TestGateway(configuration)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await gateway.reader.run() }
            defer { gateway.reader.close() }
            return try await test(gateway)
        }
    }

    init(
        _ configuration: GatewayConfiguration = .init(), presence: any Presence = InProcessPresence(timeSource: ManualTimeSource()),
        verifier: any TokenVerifier = NobodysVerifier(), attendance: AttendanceKeeper? = nil
    ) {
        self.configuration = configuration
        resume = ResumeService(
            messages: store, conversations: store, media: MediaService(store: store, timeSource: time), timeSource: time)
        reader = CatchUpReader(resume: resume, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        hub = Hub(group: Loops([loop]), reader: reader, bus: bus, configuration: configuration)
        let access = ConversationAccess(store: store)
        let sizes = ConversationSizes(store: store, timeSource: time)
        for sink in [access, sizes, hub] as [any EventSink] { bus.attach(sink) }
        conversations = ConversationService(store: store, access: access, bus: bus, timeSource: time)
        services = Self.services(store, bus, access, sizes, resume, time, configuration, presence, attendance, verifier)
    }

    private static func services(
        _ store: InMemoryStore, _ bus: InProcessEventBus, _ access: ConversationAccess, _ sizes: ConversationSizes, _ resume: ResumeService,
        _ time: ManualTimeSource, _ configuration: GatewayConfiguration, _ presence: any Presence, _ attendance: AttendanceKeeper?,
        _ verifier: any TokenVerifier
    ) -> GatewayServices {
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let lane = AppendLane(store: store, timeSource: time, instruments: MessageInstruments(), logger: quiet) { _, _ in }
        return GatewayServices(
            messages: MessageService(
                store: store, lanes: AppendLanes([lane]), access: access, media: MediaService(store: store, timeSource: time),
                ids: MessageIDGenerator(), timeSource: time, instruments: MessageInstruments()),
            markers: MarkerService(
                store: store, access: access, sizes: sizes, bus: bus,
                counter: ReceiptCounter(store: store, bus: bus, timeSource: time, logger: quiet), timeSource: time),
            typing: TypingService(access: access, sizes: sizes, bus: bus, timeSource: time),
            presence: PresenceService(
                presence: presence, conversations: store, bus: bus, timeSource: time, attendance: attendance),
            resume: resume,
            verifier: verifier, messageLimiter: nil, timeSource: time, configuration: configuration,
            logger: quiet)
    }

    var part: HubPart { hub.part(of: loop) }

    // MARK: What happens

    func group(_ users: [UserID]) async throws -> ConversationID {
        let id = ConversationID.random()
        await store.createGroup(id: id, title: "Group", creator: users[0], others: Array(users.dropFirst()), at: time.now())
        return id
    }

    /// Stores messages as a lane does, and returns their events.
    @discardableResult
    func store(_ count: Int, in conversation: ConversationID, from sender: UserID) async -> [BusEvent] {
        let outcomes = await store.append((0..<count).map { .sample("Message \($0)", in: conversation, from: sender) })
        let stored = outcomes.compactMap(\.storedMessage)
        try? await MetadataApplier(messages: store, conversations: store).apply(stored)
        return stored.map { message in
            .message(conversation, sequenceNumber: message.sequenceNumber, json: EnrichedMessage(message: message, media: []).json)
        }
    }

    /// Lets the bus tell, and everything follow from it.
    func tell(_ events: [BusEvent]) async {
        hub.receive(events)
        await settle()
    }

    /// Stores messages and tells of them.
    func send(_ count: Int, in conversation: ConversationID, from sender: UserID) async {
        await tell(await store(count, in: conversation, from: sender))
    }

    /// Until nothing is on its way any more: an answer that was given before the loop ran may have led to a next question.
    func settle() async {
        var answered: Int
        repeat {
            while !reader.isIdle { await Task.yield() }
            answered = reader.answered
            await loop.run()
        } while !reader.isIdle || reader.answered != answered
    }

    /// Moves the loop's time, and lets follow what is due.
    func wait(_ milliseconds: Int64) async {
        time.advance(bySeconds: Double(milliseconds) / 1000)
        await loop.advanceTime(by: .milliseconds(milliseconds))
        await settle()
    }

    // MARK: Connections

    func open(hasToken: Bool = false) async throws -> TestSocket {
        try await TestSocket.open(on: loop, hub, self, hasToken: hasToken)
    }

    func enter(_ user: UserID, issuedAt: Timestamp? = nil) async throws -> TestSocket {
        let socket = try await open()
        try await socket.enter(Caller(userID: user, issuedAt: issuedAt))
        return socket
    }

    /// A connection that has subscribed and caught up; what it was sent so far is not looked at.
    func subscribed(_ user: UserID, _ request: ResumeRequest = ResumeRequest()) async throws -> TestSocket {
        let socket = try await enter(user)
        try await subscribe(socket, request)
        _ = try await socket.sent()
        return socket
    }

    /// Subscribes as a session does.
    func subscribe(_ socket: TestSocket, _ request: ResumeRequest = ResumeRequest()) async throws {
        let subscriber = try socket.subscriber
        _ = await loop.run { subscriber.beginLoading() }
        let plan = try await resume.plan(for: subscriber.user, request)
        try await listen(subscriber, plan, request)
    }

    /// The second half of it, for tests in which something happens in between.
    func listen(_ subscriber: Subscriber, _ plan: ResumePlan, _ request: ResumeRequest) async throws {
        subscriber.part.onLoop { subscriber.begin(plan, hearsAll: request.only == nil) }
        try await finish(subscriber, plan, request)
    }

    /// What a session does when the connection listens.
    func finish(_ subscriber: Subscriber, _ plan: ResumePlan, _ request: ResumeRequest) async throws {
        try await subscriber.part.learnNewest(after: plan.cursor.mark)
        let changes = try await resume.changes(of: subscriber.user, request, plan)
        subscriber.part.onLoop { subscriber.tell(changes, cursor: plan.cursor) }
        await settle()
    }

    var isEmpty: Bool {
        get async throws {
            let part = part
            return try await loop.executeInContext { part.isEmpty }
        }
    }
}

/// Tests enter users themselves.
struct NobodysVerifier: TokenVerifier {
    func verify(_ token: String) async throws(ParleyError) -> Caller { throw ParleyError(.invalidToken, "no token is good here") }
}

/// A group of the loops given to it.
final class Loops: EventLoopGroup {
    private let loops: [NIOAsyncTestingEventLoop]

    init(_ loops: [NIOAsyncTestingEventLoop]) { self.loops = loops }

    func next() -> any EventLoop { loops[0] }
    func any() -> any EventLoop { loops[0] }
    func makeIterator() -> EventLoopIterator { EventLoopIterator(loops) }
    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) { queue.async { callback(nil) } }
}

extension NewMessage {
    fileprivate static func sample(_ content: String, in conversation: ConversationID, from sender: UserID) -> NewMessage {
        Sample.draft(in: conversation, from: sender, content)
    }
}
