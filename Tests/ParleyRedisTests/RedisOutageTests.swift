import ParleyCore
import ParleyEngines
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyRedis

/// Redis goes away and comes back.
@Suite(.engineTurns, .timeLimit(.minutes(15)), .serialized)
struct RedisOutageTests {
    private let user = UserID.random()
    private let conversation = ConversationID.random()

    @Test func `while Redis is down publishing takes no time, and everything comes back with it`() async throws {
        let server = try RedisServer()
        try await server.start()
        try await withBuses(2, server) { buses async throws in
            let (own, other) = (EventCollector(), EventCollector())
            let reconnects = Mutex(0)
            buses[0].attach(own)
            buses[1].attach(other)
            buses[1].onReconnect { reconnects.withLock { $0 += 1 } }
            buses[1].subscribe([conversation])
            for bus in buses { await bus.settled() }
            await buses[0].publish([typing])
            _ = await other.events(1)
            try await buses[0].probe()
            #expect(reconnects.withLock { $0 } == 0)

            await server.kill()
            let took = await ContinuousClock().measure {
                for _ in 0..<200 { await buses[0].publish([typing]) }
            }
            // Each that waited would take as long as an answer may.
            #expect(took < .seconds(server.configuration.commandSeconds))
            #expect(own.received.count == 201)
            await #expect(throws: StoreError.self) { try await buses[0].probe() }

            try await server.start()
            try await eventually { reconnects.withLock { $0 } == 1 }
            // Told again of what was subscribed to before, as soon as the publisher is back too.
            try await eventually {
                await buses[0].publish([typing])
                return other.received.count > 1
            }
        }
    }

    @Test func `a server that hangs holds a publisher up once`() async throws {
        let server = try RedisServer()
        try await server.start()
        var configuration = server.configuration
        configuration.commandSeconds = 2
        let bus = RedisEventBus(configuration, logger: quiet)
        await bus.publish([typing])
        try await server.halt()
        defer { server.goOn() }
        let first = await ContinuousClock().measure { await bus.publish([typing]) }
        let others = await ContinuousClock().measure {
            for _ in 0..<200 { await bus.publish([typing]) }
        }
        server.goOn()
        await onOwnThread { bus.close() }
        #expect(first < .seconds(20))
        #expect(others < .seconds(20), "the server would be waited for 200 times")
    }

    @Test func `a subscriber notices a server that hangs`() async throws {
        let server = try RedisServer()
        try await server.start()
        var configuration = server.configuration
        configuration.pingSeconds = 1
        let log = RecordedLog()
        let bus = RedisEventBus(configuration, logger: log.logger)
        let reconnects = Mutex(0)
        bus.onReconnect { reconnects.withLock { $0 += 1 } }
        await bus.settled()
        // With nothing to hear, a live connection stays: longer than the three silences after which one is given up.
        try await Task.sleep(for: .seconds(5))
        #expect(log.lines.isEmpty)
        try await server.halt()
        defer { server.goOn() }
        try await eventually { !log.lines.isEmpty }
        #expect(log.lines.allSatisfy { $0.contains("redis: nothing was heard from 127.0.0.1:\(server.port)") })
        server.goOn()
        try await eventually { reconnects.withLock { $0 } == 1 }
        await onOwnThread { bus.close() }
    }

    @Test func `nobody waits for a server that was never there, and events reach this node`() async throws {
        let server = try RedisServer()
        let bus = RedisEventBus(server.configuration, logger: quiet)
        let sink = EventCollector()
        let reconnects = Mutex(0)
        bus.attach(sink)
        bus.subscribe([conversation])
        bus.onReconnect { reconnects.withLock { $0 += 1 } }
        await bus.publish([typing])
        #expect(sink.received.count == 1)
        try await server.start()
        try await eventually { reconnects.withLock { $0 } == 1 }
        await onOwnThread { bus.close() }
    }

    @Test func `the operator is told once, with the engine's name and without the password`() async throws {
        let server = try RedisServer()
        let log = RecordedLog()
        let bus = RedisEventBus(server.configuration, logger: log.logger)
        for _ in 0..<100 { await bus.publish([typing]) }
        try await eventually { log.lines.count == 2 }
        await onOwnThread { bus.close() }
        #expect(log.lines.count == 2)
        for line in log.lines {
            #expect(line.hasPrefix("warning Redis cannot be reached"))
            #expect(line.contains("127.0.0.1:\(server.port)"))
            #expect(!line.contains(RedisServer.password))
        }
    }

    // MARK: Errors

    @Test(arguments: [nil, "wr0ng/password"], [nil, "somebody"])
    func `a login that is refused is an error with the engine's name, without the password`(password: String?, user: String?) async throws {
        try await withServer { server in
            let url = RedisURL(host: "127.0.0.1", port: server.port, user: password == nil ? nil : user, password: password)
            let presence = RedisPresence(RedisConfiguration(url: url), logger: quiet)
            let error = await #expect(throws: StoreError.self) { try await presence.online(among: [.random()]) }
            guard case .unavailable(let sentence) = error else { throw error ?? StoreError.unexpected("no error") }
            #expect(sentence.hasPrefix("redis: "))
            #expect(sentence.contains(password == nil ? "NOAUTH" : "WRONGPASS"))
            if let password { #expect(!sentence.contains(password)) }
            await onOwnThread { presence.close() }
        }
    }

    @Test func `a port where nobody listens is an error with the engine's name`() async throws {
        let server = try RedisServer()
        let presence = RedisPresence(server.configuration, logger: quiet)
        let error = await #expect(throws: StoreError.self) { try await presence.states(of: [.random()]) }
        #expect(error == .unavailable("redis: cannot connect to 127.0.0.1:\(server.port): Connection refused"))
        await onOwnThread { presence.close() }
        await #expect(throws: StoreError.unavailable("redis: the connection is closed")) { try await presence.online(among: [.random()]) }
    }

    @Test func `a database that does not exist is an error`() async throws {
        try await withServer { server in
            let url = RedisURL(host: "127.0.0.1", port: server.port, password: RedisServer.password, database: 999)
            let presence = RedisPresence(RedisConfiguration(url: url), logger: quiet)
            await #expect(throws: StoreError.unavailable("redis: ERR DB index is out of range")) {
                try await presence.online(among: [.random()])
            }
            await onOwnThread { presence.close() }
        }
    }

    private var typing: BusEvent { .typing(conversation, user, isTyping: true) }
}
