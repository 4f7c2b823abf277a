import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyGateway

struct HubTests {
    private let ada = UserID.random()
    private let ben = UserID.random()

    @Test func `a message reaches every device of those who listen, and nobody else`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let devices = [try await gateway.subscribed(ada), try await gateway.subscribed(ada), try await gateway.subscribed(ben)]
            let outsider = try await gateway.subscribed(.random())
            await gateway.send(1, in: conversation, from: ada)
            for device in devices { #expect(try await device.told() == ["1"]) }
            #expect(try await outsider.sent().isEmpty)
        }
    }

    @Test func `that somebody is still online is no news, whenever they were last seen`() async throws {
        try await TestGateway.run { gateway in
            _ = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ada)
            let subscriber = try socket.subscriber
            try await gateway.loop.submit { subscriber.part.watch.set([ben], for: subscriber) }.get()
            let states = [
                PresenceState(online: true, lastSeenAt: nil), PresenceState(online: true, lastSeenAt: Sample.time(5)),
                PresenceState(online: false, lastSeenAt: Sample.time(6)), PresenceState(online: false, lastSeenAt: Sample.time(7)),
            ]
            for state in states { await gateway.tell([.presence(ben, state)]) }
            #expect(try await socket.told() == ["presence", "presence", "presence"])
        }
    }

    @Test func `a state that was read before its user was heard of is older, and told to nobody`() async throws {
        try await TestGateway.run { gateway in
            _ = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ada)
            let (subscriber, part) = (try socket.subscriber, gateway.part)
            let (online, offline) = (PresenceState(online: true, lastSeenAt: nil), PresenceState(online: false, lastSeenAt: nil))
            let before = await gateway.loop.run {
                part.watch.set([ben], for: subscriber)
                return part.watch.mark
            }
            await gateway.tell([.presence(ben, online)])
            #expect(await gateway.loop.run { part.watch.learn([ben: offline], since: before) } == [ben: online])
            part.onLoop { part.watch.refresh([ben: offline], since: before) }
            #expect(try await socket.told() == ["presence"])

            let after = await gateway.loop.run { part.watch.mark }
            #expect(await gateway.loop.run { part.watch.learn([ben: offline], since: after) } == [ben: offline])
            part.onLoop { part.watch.refresh([ben: online], since: after) }
            #expect(try await socket.told() == ["presence", "presence"], "what was read afterwards is told")
        }
    }

    @Test func `who has not subscribed hears nothing`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.enter(ada)
            await gateway.send(3, in: conversation, from: ben)
            #expect(try await socket.sent().isEmpty)
        }
    }

    @Test func `many events leave in order and in one flush`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ada)
            let before = socket.flushCount
            await gateway.send(100, in: conversation, from: ben)
            #expect(socket.flushCount == before + 1)
            #expect(try await socket.told() == (1...100).map { "\($0)" })
        }
    }

    @Test func `whoever is added is shown the conversation and then all that followed`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ben])
            await gateway.store(2, in: conversation, from: ben)
            let socket = try await gateway.subscribed(ada)
            let joined = try await gateway.join(ada, to: conversation)
            let messages = await gateway.store(2, in: conversation, from: ben)
            // Told in any order: the change, and messages that came after it.
            await gateway.tell([joined] + messages)
            #expect(try await socket.told() == ["conversation", "3", "4"])
        }
    }

    @Test func `whoever is removed hears of it and of nothing that follows`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ben, ada])
            let devices = [try await gateway.subscribed(ada), try await gateway.subscribed(ada)]
            let staying = try await gateway.subscribed(ben)
            await gateway.send(1, in: conversation, from: ben)
            await gateway.tell([try await gateway.leave(ada, from: conversation)])
            await gateway.send(2, in: conversation, from: ben)
            for device in devices { #expect(try await device.told() == ["1", "conversation"]) }
            #expect(try await staying.told() == ["1", "participant", "2", "3"])
        }
    }

    @Test func `a removal that overtakes the reading of the conversations stays in force`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ben, ada])
            let socket = try await gateway.enter(ada)
            let subscriber = try socket.subscriber
            _ = await gateway.loop.run { subscriber.beginLoading() }
            let plan = try await gateway.resume.plan(for: ada, ResumeRequest())
            await gateway.tell([try await gateway.leave(ada, from: conversation)])
            try await gateway.listen(subscriber, plan, ResumeRequest())
            await gateway.send(1, in: conversation, from: ben)
            #expect(try await socket.told() == ["caught_up"])
        }
    }

    @Test func `a message that is stored while the conversations are read is neither lost nor doubled`() async throws {
        for isTold in [true, false] {
            try await TestGateway.run { gateway in
                let conversation = try await gateway.group([ben, ada])
                let socket = try await gateway.enter(ada)
                let subscriber = try socket.subscriber
                _ = await gateway.loop.run { subscriber.beginLoading() }
                let plan = try await gateway.resume.plan(for: ada, ResumeRequest())
                // Nobody listens on this node, so that the event reaches nobody; or the bus loses it.
                let events = await gateway.store(2, in: conversation, from: ben)
                if isTold { await gateway.tell(events) }
                try await gateway.listen(subscriber, plan, ResumeRequest())
                await gateway.wait(200)
                await gateway.send(1, in: conversation, from: ben)
                let told = try await socket.told()
                #expect(told.filter { $0 != "caught_up" } == ["1", "2", "3"])
            }
        }
    }

    @Test func `nothing is kept of connections that have ended`() async throws {
        try await TestGateway.run { gateway in
            _ = try await gateway.group([ada, ben])
            let sockets = [try await gateway.subscribed(ada), try await gateway.subscribed(ben), try await gateway.open()]
            for socket in sockets { try await socket.channel.close().get() }
            #expect(try await gateway.isEmpty)
            #expect(gateway.hub.users.isEmpty)
        }
    }

    @Test func `nothing is kept of a connection that ends while its conversations are read`() async throws {
        try await TestGateway.run { gateway in
            _ = try await gateway.group([ada, ben])
            let socket = try await gateway.enter(ada)
            let subscriber = try socket.subscriber
            _ = await gateway.loop.run { subscriber.beginLoading() }
            let plan = try await gateway.resume.plan(for: ada, ResumeRequest())
            try await socket.channel.close().get()
            try await gateway.listen(subscriber, plan, ResumeRequest())
            #expect(try await gateway.isEmpty)
        }
    }

    @Test func `what a connection asked for before it ended is carried out without harm`() async throws {
        try await TestGateway.run { gateway in
            let conversation = try await gateway.group([ada, ben])
            for isSubscribed in [false, true] {
                let socket = isSubscribed ? try await gateway.subscribed(ada) : try await gateway.enter(ada)
                let subscriber = try socket.subscriber
                try await socket.channel.close().get()
                #expect(await gateway.loop.run { subscriber.beginLoading() } == false)
                let plan = try await gateway.resume.plan(for: ada, ResumeRequest())
                try await gateway.listen(subscriber, plan, ResumeRequest())
                let part = gateway.part
                part.onLoop { part.watch.set([ben], for: subscriber) }
                await gateway.send(1, in: conversation, from: ben)
                await gateway.tell([.conversationCreated(.random(), [ada])])
            }
            #expect(try await gateway.isEmpty)
        }
    }

    @Test func `a user has so many connections and no more`() async throws {
        var configuration = GatewayConfiguration()
        configuration.maxSocketsPerUser = 2
        try await TestGateway.run(configuration) { gateway in
            let first = try await gateway.enter(ada)
            _ = try await gateway.enter(ada)
            await #expect(throws: TestSocket.AlreadyClosed.self) { try await gateway.enter(ada) }
            _ = try await gateway.enter(ben)
            try await first.channel.close().get()
            _ = try await gateway.enter(ada)
        }
    }

    @Test func `sockets end with the tokens that were revoked, and with no others`() async throws {
        try await TestGateway.run { gateway in
            let old = try await gateway.enter(ada, issuedAt: Sample.time(1))
            let unsaid = try await gateway.enter(ada)
            let new = try await gateway.enter(ada, issuedAt: Sample.time(3))
            let others = try await gateway.enter(ben, issuedAt: Sample.time(1))
            await gateway.tell([.tokensRevoked(ada, before: Sample.time(2))])
            for socket in [old, unsaid] { #expect(try await socket.sent() == ["close 4501"]) }
            for socket in [new, others] { #expect(try await socket.sent().isEmpty) }
        }
    }

    @Test func `every loop gets the events, in order`() async throws {
        let loops = [NIOAsyncTestingEventLoop(), NIOAsyncTestingEventLoop()]
        let gateway = TestGateway()
        let hub = Hub(group: Loops(loops), reader: gateway.reader, bus: gateway.bus)
        let conversation = try await gateway.group([ada])
        var sockets: [TestSocket] = []
        for loop in loops {
            let socket = try await TestSocket.open(on: loop, hub, gateway)
            try await socket.enter(Caller(userID: ada))
            try await gateway.subscribe(socket)
            _ = try await socket.sent()
            sockets.append(socket)
        }
        let events = await gateway.store(3, in: conversation, from: ada)
        hub.receive(Array(events[0..<2]))
        hub.receive([events[2]])
        for loop in loops { await loop.run() }
        for socket in sockets { #expect(try await socket.told() == ["1", "2", "3"]) }
    }

    @Test func `the bus is asked for a conversation once a loop while somebody listens there, and told when nobody does`() async throws {
        let loops = [NIOAsyncTestingEventLoop(), NIOAsyncTestingEventLoop()]
        let gateway = TestGateway()
        let bus = CountingBus()
        let hub = Hub(group: Loops(loops), reader: gateway.reader, bus: bus)
        let conversation = try await gateway.group([ada, ben])
        let other = try await gateway.group([ben])
        var sockets: [TestSocket] = []
        for (loop, user) in [(loops[0], ada), (loops[0], ben), (loops[1], ada)] {
            let socket = try await TestSocket.open(on: loop, hub, gateway)
            try await socket.enter(Caller(userID: user))
            try await gateway.subscribe(socket)
            sockets.append(socket)
        }
        func becomes(_ wanted: [ConversationID: Int]) async throws {
            try await eventually {
                for loop in loops { await loop.run() }
                return bus.wanted == wanted
            }
        }
        try await becomes([conversation: 2, other: 1])
        hub.receive([try await gateway.leave(ben, from: other)])
        try await becomes([conversation: 2])
        try await sockets[0].channel.close()
        #expect(bus.wanted == [conversation: 2])
        try await sockets[1].channel.close()
        try await sockets[2].channel.close()
        #expect(bus.wanted.isEmpty)
    }
}

/// Counts what is asked for, and never below nothing.
private final class CountingBus: EventBus {
    private let counts = Mutex<[ConversationID: Int]>([:])
    var wanted: [ConversationID: Int] { counts.withLock { $0 } }

    func publish(_ events: [BusEvent]) async -> Bool { true }
    func attach(_ sink: any EventSink) {}
    func subscribe(_ conversations: [ConversationID]) {
        counts.withLock { counts in for id in conversations { counts[id, default: 0] += 1 } }
    }
    func unsubscribe(_ conversations: [ConversationID]) {
        counts.withLock { counts in
            for id in conversations { counts[id] = counts[id] == 1 ? nil : (counts[id] ?? 0) - 1 }
        }
    }
}

extension TestGateway {
    func join(_ user: UserID, to id: ConversationID) async throws -> BusEvent {
        let (change, stamp) = await store.setRole(of: user, in: id, to: .member, maxParticipants: 1000, at: time.now())
        guard case .added(let participant) = change, let stamp else { throw TestSocket.AlreadyClosed() }
        return .participantChanged(
            ParticipantChange(
                conversationID: id, userID: user, kind: .joined, role: .member, participantCount: stamp.participantCount,
                version: stamp.version), lastSequence: participant.lastReadSequence)
    }

    func leave(_ user: UserID, from id: ConversationID) async throws -> BusEvent {
        guard let stamp = await store.remove(user, from: id, at: time.now()).stamp else { throw TestSocket.AlreadyClosed() }
        return .participantChanged(
            ParticipantChange(
                conversationID: id, userID: user, kind: .left, role: nil, participantCount: stamp.participantCount, version: stamp.version),
            lastSequence: 0)
    }
}
