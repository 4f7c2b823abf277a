import Logging
import ParleyCore
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyGateway

/// P7 on a bus that loses events: a removal that no node was told of.
@Suite(.timeLimit(.minutes(1)))
struct LostDepartureTests {
    private let ada = UserID.random()
    private let ben = UserID.random()

    @Test func `who was removed hears nothing of it after the next look, though no event says so`() async throws {
        #expect(HubClock.departureSeconds < 1)
        try await TestGateway.run(Self.lossy) { gateway in
            let conversation = try await gateway.group([ada, ben])
            let (adas, bens) = (try await gateway.subscribed(ada), try await gateway.subscribed(ben))
            let log = CountingDepartures(gateway.store)
            try await Self.ticking(gateway, log) {
                _ = await gateway.store.remove(ben, from: conversation, at: gateway.time.now())
                let before = log.questions
                var told: [String] = []
                // Far from the next heartbeat, by the loop's time.
                for _ in 0..<1000 where told.isEmpty {
                    try await Task.sleep(for: .milliseconds(10))
                    await gateway.wait(10)
                    told = try await bens.sent()
                }
                // However late the machine lets it be told.
                #expect(try #require(log.foundBy) <= before + 1)
                #expect(told.count == 1 && told[0].contains(#""removed""#) && told[0].contains("\(conversation)"))
            }
            await gateway.send(1, in: conversation, from: ada)
            #expect(try await bens.told().isEmpty)
            #expect(try await adas.told() == ["1"])
        }
    }

    @Test func `who was removed and is in again goes on hearing, however late the removal is found`() async throws {
        try await TestGateway.run(Self.lossy) { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ben)
            let old = Departure(userID: ben, conversationID: conversation, leftAt: gateway.time.now())
            let part = gateway.part
            part.onLoop { part.departed([old]) }
            await gateway.wait(200)
            _ = try await socket.sent()
            await gateway.send(1, in: conversation, from: ada)
            #expect(try await socket.told() == ["1"])
        }
    }

    @Test func `a removal whose event comes within a moment is told once`() async throws {
        try await TestGateway.run(Self.lossy) { gateway in
            let conversation = try await gateway.group([ada, ben])
            let socket = try await gateway.subscribed(ben)
            _ = await gateway.store.remove(ben, from: conversation, at: gateway.time.now())
            let part = gateway.part
            let departure = Departure(userID: ben, conversationID: conversation, leftAt: gateway.time.now())
            part.onLoop { part.departed([departure]) }
            await gateway.wait(50)
            let change = ParticipantChange(
                conversationID: conversation, userID: ben, kind: .left, role: nil, participantCount: 1, version: 1)
            await gateway.tell([.participantChanged(change, lastSequence: 0)])
            await gateway.wait(200)
            #expect(try await socket.told() == ["conversation"])
        }
    }

    @Test func `departures are asked for about once a second, and not while nobody is here`() async throws {
        try await TestGateway.run(Self.lossy) { gateway in
            let log = CountingDepartures(gateway.store)
            try await Self.ticking(gateway, log) { try await Task.sleep(for: .seconds(1.2)) }
            #expect(log.questions == 0)
            _ = try await gateway.subscribed(ben)
            let start = ContinuousClock.now
            try await Self.ticking(gateway, log) {
                while log.questions < 2 { try await Task.sleep(for: .milliseconds(10)) }
            }
            #expect(ContinuousClock.now - start >= .seconds(2 * HubClock.departureSeconds))
        }
    }

    private static var lossy: GatewayConfiguration {
        var configuration = GatewayConfiguration()
        configuration.busLosesEvents = true
        return configuration
    }

    /// Runs `body` while the hub's clock goes.
    private static func ticking(
        _ gateway: TestGateway, _ departures: any DepartureLog, _ body: () async throws -> Void
    ) async throws {
        let clock = HubClock(
            hub: gateway.hub, bus: gateway.bus, resume: gateway.resume, presence: gateway.services.presence,
            revocations: TokenRevocations(store: InMemoryTokenRevocationStore(), bus: gateway.bus, timeSource: gateway.time),
            departures: departures, configuration: gateway.configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let ticking = Task { await clock.tick() }
        defer { ticking.cancel() }
        try await body()
    }
}

private final class CountingDepartures: DepartureLog {
    private let store: InMemoryStore
    private let asked = Mutex((questions: 0, foundBy: Int?.none))
    var questions: Int { asked.withLock { $0.questions } }
    /// The number of the first question whose answer named somebody.
    var foundBy: Int? { asked.withLock { $0.foundBy } }

    init(_ store: InMemoryStore) { self.store = store }

    func departures(since time: Timestamp, after last: Departure?, limit: Int) async throws(StoreError) -> [Departure] {
        let number = asked.withLock { asked in
            asked.questions += 1
            return asked.questions
        }
        let found = await store.departures(since: time, after: last, limit: limit)
        if !found.isEmpty { asked.withLock { $0.foundBy = $0.foundBy ?? number } }
        return found
    }
}
