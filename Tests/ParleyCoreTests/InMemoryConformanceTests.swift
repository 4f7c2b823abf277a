import ParleyCore
import ParleyTesting
import Testing

/// The in-memory twins keep the same promises as every other adapter. Every case gets a fresh one.
@Suite(.timeLimit(.minutes(1)))
struct InMemoryConformanceTests {
    @Test(arguments: MessageStoreConformance.cases)
    func `the message store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await promise.run(StoreSubject(InMemoryStore()))
    }

    @Test(arguments: EffectLogConformance.cases)
    func `the effect log`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await promise.run(StoreSubject(InMemoryStore()))
    }

    @Test(arguments: ConversationStoreConformance.cases)
    func `the conversation store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await promise.run(StoreSubject(InMemoryStore()))
    }

    @Test(arguments: DepartureLogConformance.cases)
    func `the log of departures`(keeps promise: ConformanceCase<any ConversationStore & DepartureLog>) async throws {
        try await promise.run(InMemoryStore())
    }

    @Test(arguments: ResumeStoreConformance.cases)
    func `what a client that comes back asks`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await promise.run(StoreSubject(InMemoryStore()))
    }

    @Test(arguments: NodeRegisterConformance.cases)
    func `the register of nodes`(keeps promise: ConformanceCase<any NodeRegister>) async throws {
        try await promise.run(InMemoryNodeRegister())
    }

    @Test(arguments: TokenRevocationConformance.cases)
    func `the revocation store`(keeps promise: ConformanceCase<any TokenRevocationStore>) async throws {
        try await promise.run(InMemoryTokenRevocationStore())
    }

    @Test(arguments: MediaStoreConformance.cases)
    func `the media store`(keeps promise: ConformanceCase<StoreSubject>) async throws {
        try await promise.run(StoreSubject(InMemoryStore()))
    }

    @Test(arguments: DeviceStoreConformance.cases)
    func `the device store`(keeps promise: ConformanceCase<any DeviceStore>) async throws {
        try await promise.run(InMemoryStore())
    }

    @Test(arguments: PushLedgerConformance.cases)
    func `the push ledger`(keeps promise: ConformanceCase<LedgerSubject>) async throws {
        let store = InMemoryStore()
        try await promise.run(LedgerSubject(stores: StoreSubject(store), devices: store, ledger: store, other: store))
    }

    @Test(arguments: AttendanceConformance.cases)
    func `attendances`(keeps promise: ConformanceCase<AttendanceSubject>) async throws {
        let store = InMemoryStore()
        try await promise.run(AttendanceSubject(stores: StoreSubject(store), attendances: store))
    }

    @Test(arguments: NotificationSettingsConformance.cases)
    func `the store of settings`(keeps promise: ConformanceCase<any NotificationSettingsStore>) async throws {
        try await promise.run(InMemoryNotificationSettings())
    }

    @Test(arguments: PushQueueConformance.cases)
    func `the push queue`(keeps promise: ConformanceCase<any PushQueue>) async throws {
        try await promise.run(InMemoryPushQueue())
    }

    @Test(arguments: PresenceConformance.cases)
    func `the presence of one process`(keeps promise: ConformanceCase<any Presence>) async throws {
        try await promise.run(InProcessPresence(timeSource: ManualTimeSource()))
    }

    @Test(arguments: EventBusConformance.cases)
    func `the event bus of one process`(keeps promise: ConformanceCase<EventBusSubject>) async throws {
        try await promise.run(EventBusSubject(InProcessEventBus()))
    }
}
