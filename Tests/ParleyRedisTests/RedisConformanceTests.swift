import ParleyCore
import ParleyModel
import ParleyRedis
import ParleyTesting
import Testing

/// Redis keeps the promises of its ports. Every case gets a server of its own.
@Suite(.engineTurns, .timeLimit(.minutes(15)), .serialized)
struct RedisConformanceTests {
    @Test(arguments: EventBusConformance.cases)
    func `the event bus, listened to on the node that publishes,`(keeps promise: ConformanceCase<EventBusSubject>) async throws {
        try await withServer { server in
            try await withBuses(1, server) { buses async throws in
                try await promise.run(EventBusSubject(buses[0]) { await buses[0].settled() })
            }
        }
    }

    @Test(arguments: EventBusConformance.cases)
    func `the event bus, listened to on another node,`(keeps promise: ConformanceCase<EventBusSubject>) async throws {
        try await withServer { server in
            try await withBuses(2, server) { buses async throws in
                try await promise.run(EventBusSubject(buses[0], listener: buses[1]) { await buses[1].settled() })
            }
        }
    }

    @Test(arguments: PresenceConformance.cases)
    func `the presence of one node`(keeps promise: ConformanceCase<any Presence>) async throws {
        try await withServer { server in
            try await withPresences(1, server) { try await promise.run($0[0]) }
        }
    }
}
