import Logging
import ParleyCore
import ParleyStores
import ParleyTesting
import Testing

/// SQLite keeps the promises of every store port. Every case gets a data folder of its own.
@Suite(.timeLimit(.minutes(5)))
struct SQLiteConformanceTests {
    @Test(arguments: MessageStoreConformance.cases)
    func `the message store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: EffectLogConformance.cases)
    func `the effect log`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: ConversationStoreConformance.cases)
    func `the conversation store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: ResumeStoreConformance.cases)
    func `what a client that comes back asks`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: TokenRevocationConformance.cases)
    func `the revocation store`(keeps promise: ConformanceCase<any TokenRevocationStore>) async throws {
        try await withDatabase { try await promise.run(SQLiteTokenRevocationStore($0)) }
    }

    @Test(arguments: MediaStoreConformance.cases)
    func `the media store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await withStores { try await promise.run($0) }
    }

    @Test(arguments: DeviceStoreConformance.cases)
    func `the device store`(keeps promise: ConformanceCase<any DeviceStore>) async throws {
        try await withDatabase { try await promise.run(SQLiteDeviceStore($0)) }
    }

    @Test(arguments: PushLedgerConformance.cases)
    func `the push ledger`(keeps promise: ConformanceCase<LedgerSubject>) async throws {
        try await withDatabase { database in
            let ledger = SQLitePushLedger(database)
            try await promise.run(
                LedgerSubject(
                    stores: Self.stores(database), devices: SQLiteDeviceStore(database), ledger: ledger, other: SQLitePushLedger(database)))
        }
    }

    @Test(arguments: AttendanceConformance.cases)
    func `attendances`(keeps promise: ConformanceCase<AttendanceSubject>) async throws {
        try await withDatabase { database in
            try await promise.run(
                AttendanceSubject(stores: Self.stores(database), attendances: SQLiteAttendanceStore(database)))
        }
    }

    @Test(arguments: NotificationSettingsConformance.cases)
    func `the store of settings`(keeps promise: ConformanceCase<any NotificationSettingsStore>) async throws {
        try await withDatabase { try await promise.run(SQLiteNotificationSettingsStore($0)) }
    }

    @Test(arguments: PushQueueConformance.cases)
    func `the push queue`(keeps promise: ConformanceCase<any PushQueue>) async throws {
        try await withDatabase { try await promise.run(SQLitePushQueue($0)) }
    }

    private func withStores(_ body: (StoreSubject) async throws -> Void) async throws {
        try await withDatabase { try await body(Self.stores($0)) }
    }

    private static func stores(_ database: SQLiteDatabase) -> StoreSubject {
        let messages = SQLiteMessageStore(database)
        return StoreSubject(
            messages: messages, effects: messages, conversations: SQLiteConversationStore(database), media: SQLiteMediaStore(database))
    }
}

/// Runs the body on a fresh database and closes it.
func withDatabase<Result>(_ body: (SQLiteDatabase) async throws -> Result) async throws -> Result {
    let folder = try TemporaryFolder()
    let database = try SQLiteDatabase(folder: folder.path, access: .exclusive, logger: Logger(label: "test"))
    defer { database.close() }
    return try await body(database)
}
