import ParleyCore
import ParleyEngineTesting
import ParleyTesting
import Testing

@testable import ParleyPostgres

/// PostgreSQL keeps the promises of the ports that it serves, beside messages that are kept elsewhere. Every case gets a
/// database of its own; one after the other, for hundreds of connections that are made at once are a test of the machine.
@Suite(.serialized, .engineTurns, .timeLimit(.minutes(15)))
struct PostgresConformanceTests {
    @Test(arguments: ConversationStoreConformance.cases)
    func `the conversation store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: ResumeStoreConformance.cases)
    func `what a client that comes back asks`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: DepartureLogConformance.cases)
    func `the log of departures`(keeps promise: ConformanceCase<any ConversationStore & DepartureLog>) async throws {
        try await withPool(try await TestDatabase().url) { try await promise.run(PostgresConversationStore($0, facts: NoFacts())) }
    }

    @Test(arguments: MediaStoreConformance.cases)
    func `the media store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: DeviceStoreConformance.cases)
    func `the device store`(keeps promise: ConformanceCase<any DeviceStore>) async throws {
        try await withPool(try await TestDatabase().url) { try await promise.run(PostgresDeviceStore($0)) }
    }

    @Test(arguments: PushLedgerConformance.cases + PushLedgerConformance.severalWorkers)
    func `the push ledger`(keeps promise: ConformanceCase<LedgerSubject>) async throws {
        try await withPool(try await TestDatabase().url, connections: 4) { pool in
            try await promise.run(
                LedgerSubject(
                    stores: StoreSubject(postgres: pool), devices: PostgresDeviceStore(pool), ledger: PostgresPushLedger(pool),
                    other: PostgresPushLedger(pool)))
        }
    }

    @Test(arguments: AttendanceConformance.cases)
    func `attendances`(keeps promise: ConformanceCase<AttendanceSubject>) async throws {
        try await withPool(try await TestDatabase().url) { pool in
            try await promise.run(
                AttendanceSubject(stores: StoreSubject(postgres: pool), attendances: PostgresAttendanceStore(pool)))
        }
    }

    @Test(arguments: NotificationSettingsConformance.cases)
    func `the store of settings`(keeps promise: ConformanceCase<any NotificationSettingsStore>) async throws {
        try await withPool(try await TestDatabase().url) { try await promise.run(PostgresNotificationSettingsStore($0)) }
    }

    @Test(arguments: TokenRevocationConformance.cases)
    func `the revocation store`(keeps promise: ConformanceCase<any TokenRevocationStore>) async throws {
        try await withPool(try await TestDatabase().url) { try await promise.run(PostgresTokenRevocationStore($0)) }
    }

    @Test(arguments: NodeRegisterConformance.cases)
    func `the register of nodes`(keeps promise: ConformanceCase<any NodeRegister>) async throws {
        try await withPool(try await TestDatabase().url) { try await promise.run(PostgresNodeRegister($0)) }
    }

    /// What holds of messages beside conversations that are kept elsewhere must hold of the stand-in too.
    @Test(arguments: MessageStoreConformance.cases)
    func `messages in memory beside it`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }
}
