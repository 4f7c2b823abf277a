import Logging
import ParleyCore
import ParleyModel
import ParleyPush
import Synchronization

let notFaked = StoreError.unexpected("not faked")

/// Hands out what was put in, once, and remembers the results.
final class FakePushQueue: PushQueue {
    struct State {
        var due: [LeasedPushJob] = []
        var finished: [[PushJobID: PushJobResult]] = []
        var leaseErrors: [StoreError] = []
        var finishErrors: [StoreError] = []
    }
    let state = Mutex(State())

    func lease(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [LeasedPushJob] {
        let (jobs, error) = state.withLock { state -> ([LeasedPushJob], StoreError?) in
            guard state.leaseErrors.isEmpty else { return ([], state.leaseErrors.removeFirst()) }
            let jobs = Array(state.due.prefix(limit))
            state.due.removeFirst(jobs.count)
            return (jobs, nil)
        }
        if let error { throw error }
        return jobs
    }

    func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async throws(StoreError) {
        let error = state.withLock { state -> StoreError? in
            guard state.finishErrors.isEmpty else { return state.finishErrors.removeFirst() }
            state.finished.append(results)
            return nil
        }
        if let error { throw error }
    }

    func add(_ jobs: LeasedPushJob...) { state.withLock { $0.due.append(contentsOf: jobs) } }
    var finished: [[PushJobID: PushJobResult]] { state.withLock { $0.finished } }
    /// The last result of each job.
    var results: [PushJobID: PushJobResult] { finished.reduce(into: [:]) { $0.merge($1) { $1 } } }

    func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError) { throw notFaked }
    func deadLetters(limit: Int, after: PushJobID?) async throws(StoreError) -> [DeadPushJob] { throw notFaked }
    func replay(_ ids: [PushJobID]?, at now: Timestamp) async throws(StoreError) -> Int { throw notFaked }
    func depth() async throws(StoreError) -> PushQueueDepth { throw notFaked }
}

/// Knows standings only.
final class FakeConversationStore: PushStandings {
    struct State {
        var standings: [ConversationID: [UserID: PushStanding]] = [:]
        var errors: [ConversationID: StoreError] = [:]
        /// Their rows are damaged.
        var brokenUsers: Set<UserID> = []
        var questions: [[ConversationID: [UserID]]] = []
    }
    let state = Mutex(State())

    func pushStandings(
        of users: [ConversationID: [UserID]]
    ) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]] {
        let (standings, error) = state.withLock { state -> ([ConversationID: [UserID: PushStanding]], StoreError?) in
            state.questions.append(users)
            var standings: [ConversationID: [UserID: PushStanding]] = [:]
            for (conversation, users) in users {
                let found = state.standings[conversation]?.filter { users.contains($0.key) } ?? [:]
                if !found.isEmpty { standings[conversation] = found }
            }
            let isBroken = !state.brokenUsers.isDisjoint(with: users.values.joined())
            return (standings, users.keys.compactMap { state.errors[$0] }.first ?? (isBroken ? .unexpected("torn page") : nil))
        }
        if let error { throw error }
        return standings
    }
}

/// Who is attended. Nil for "cannot be known".
final class FakePresence: Presence {
    let users = Mutex<Set<UserID>?>([])
    /// How long an answer takes, and when it was asked for one.
    let slowness = Mutex<Duration?>(nil)
    let questions = Mutex<[ContinuousClock.Instant]>([])

    func attended(among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        questions.withLock { $0.append(.now) }
        if let slowness = slowness.withLock({ $0 }) { try? await Task.sleep(for: slowness) }
        guard let attended = self.users.withLock({ $0 }) else { throw .unavailable("presence") }
        return attended.intersection(users)
    }

    func online(among users: [UserID]) async throws(StoreError) -> Set<UserID> { throw notFaked }
    func arrived(_ user: UserID) async -> Bool { true }
    func turned(_ user: UserID, _ attention: Attention) async {}
    func left(_ user: UserID, _ attention: Attention, at now: Timestamp) async {}
    func renew(_ users: [UserID]) async {}
    func states(of users: [UserID]) async throws(StoreError) -> [UserID: PresenceState] { throw notFaked }
}

/// Nil for a store that is down.
final class FakeDeviceStore: DeviceStore {
    let devices = Mutex<[UserID: [Device]]?>([:])
    /// How long an answer takes.
    let slowness = Mutex<Duration?>(nil)

    func devices(of users: [UserID]) async throws(StoreError) -> [UserID: [Device]] {
        if let slowness = slowness.withLock({ $0 }) { try? await Task.sleep(for: slowness) }
        guard let devices = devices.withLock({ $0 }) else { throw .unavailable("devices") }
        return devices.filter { users.contains($0.key) }
    }

    func remove(_ id: DeviceID, of user: UserID) async throws(StoreError) -> Bool {
        devices.withLock { devices in
            devices?[user]?.removeAll { $0.id == id }
            return true
        }
    }

    func remove(_ id: DeviceID, of user: UserID, ifRegisteredBefore moment: Timestamp) async throws(StoreError) -> Bool {
        devices.withLock { devices in
            let count = devices?[user]?.count
            devices?[user]?.removeAll { $0.id == id && $0.registeredAt <= moment }
            return devices?[user]?.count != count
        }
    }

    func register(_ device: Device, maxPerUser: Int) async throws(StoreError) -> DeviceRegistration { throw notFaked }
    func devices(of user: UserID) async throws(StoreError) -> [Device] { throw notFaked }
}

/// Knows what was put in.
final class FakeSettingsStore: NotificationSettingsStore {
    let settings = Mutex<[UserID: NotificationSettings]>([:])

    func notificationSettings(of users: [UserID]) async throws(StoreError) -> [UserID: NotificationSettings] {
        settings.withLock { settings in settings.filter { users.contains($0.key) } }
    }

    func setNotificationSettings(_ settings: NotificationSettings, of user: UserID) async throws(StoreError) {
        self.settings.withLock { $0[user] = settings }
    }
}

/// Remembers what it was given and answers as it is told.
final class FakePushProvider: PushProvider {
    let name: String
    let deviceKinds: Set<DeviceKind>
    let deliversWithoutDevice: Bool
    let takesReads: Bool
    private let answer: @Sendable (PushNotification) async -> PushAnswer
    private let notifications = Mutex<[PushNotification]>([])

    init(
        name: String = "fake", deviceKinds: Set<DeviceKind> = Set(DeviceKind.allCases), deliversWithoutDevice: Bool = true,
        takesReads: Bool = true,
        answer: @escaping @Sendable (PushNotification) async -> PushAnswer = { _ in .accepted(id: nil) }
    ) {
        self.name = name
        self.deviceKinds = deviceKinds
        self.deliversWithoutDevice = deliversWithoutDevice
        self.takesReads = takesReads
        self.answer = answer
    }

    func send(_ notification: PushNotification) async -> PushAnswer {
        notifications.withLock { $0.append(notification) }
        return await answer(notification)
    }

    var sent: [PushNotification] { notifications.withLock { $0 } }
    var recipients: [UserID] { sent.map(\.recipientID).sorted() }
    var messages: [PushMessage] {
        sent.compactMap { if case .message(let message) = $0.content { message } else { nil } }
    }
}

final class HandMovedTime: TimeSource {
    static let start = Timestamp(milliseconds: 1_700_000_000_000)
    private let moment = Mutex(start)

    func now() -> Timestamp { moment.withLock { $0 } }
    func advance(bySeconds seconds: Double) { moment.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}

/// Everything around a worker: participants 1 to 9 of conversation 1, all offline, nothing read, no devices.
struct Stage {
    let queue = FakePushQueue()
    let ledger = FakePushLedger()
    let settings = FakeSettingsStore()
    let conversations = FakeConversationStore()
    let presence = FakePresence()
    let devices = FakeDeviceStore()
    let time = HandMovedTime()

    init() {
        for user in 1...9 { setStanding(UserID(UInt64(user))) }
    }

    func worker(
        _ providers: any PushProvider..., createsFirst: CreatesFirst = .notNeeded, jitter: Double = 0.5,
        configure: (inout PushWorker.Configuration) -> Void = { _ in }
    ) -> PushWorker {
        var configuration = PushWorker.Configuration()
        // A machine that runs many tests at once looks like a provider that has stalled.
        configuration.patienceSeconds = 60
        configure(&configuration)
        return PushWorker(
            queue: queue, ledger: ledger, conversations: conversations, settings: settings, presence: presence, devices: devices,
            providers: providers, time: time, configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            createsFirst: createsFirst, jitter: { jitter })
    }

    func setStanding(
        _ user: UserID, in conversation: ConversationID = .sample, lastRead: Int64 = 0, mute: Mute = .off,
        level: NotificationLevel = .all, unread: Int64 = 1
    ) {
        let standing = PushStanding(lastReadSequence: lastRead, mute: mute, level: level, unreadCount: unread)
        conversations.state.withLock { $0.standings[conversation, default: [:]][user] = standing }
    }

    func addDevice(_ id: UInt64, of user: UserID, _ address: PushAddress) -> Device {
        let device = Device(id: DeviceID(id), userID: user, address: address, name: nil, createdAt: time.now())
        devices.devices.withLock { $0?[user, default: []].append(device) }
        return device
    }
}

extension Identifier {
    init(_ number: UInt64) { self.init(high: 0, low: number) }
}

extension ConversationID {
    static let sample = ConversationID(1)
}

extension LeasedPushJob {
    /// Job `id` of message `id`: number 5 of the conversation, sent by user 1 just now.
    static func sample(
        _ id: Int64, to recipients: [UInt64], in conversation: ConversationID = .sample, attempt: Int = 1,
        message: Int64? = nil, number: Int64 = 5, createdAt: Timestamp = HandMovedTime.start
    ) -> LeasedPushJob {
        LeasedPushJob(
            id: PushJobID(id),
            job: PushJob(
                messageID: MessageID(high: 7, low: UInt32(message ?? id)), conversationID: conversation, senderID: UserID(1),
                sequenceNumber: number,
                recipients: recipients.map { UserID($0) }, messagePreview: "Hello", createdAt: createdAt,
                part: 0),
            attempt: attempt)
    }
}
