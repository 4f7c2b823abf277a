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
        var finishError: StoreError?
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
        if let error = state.withLock({ $0.finishError }) { throw error }
        state.withLock { $0.finished.append(results) }
    }

    func add(_ jobs: LeasedPushJob...) { state.withLock { $0.due.append(contentsOf: jobs) } }
    var finished: [[PushJobID: PushJobResult]] { state.withLock { $0.finished } }

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
        var questions: [(conversation: ConversationID, users: [UserID])] = []
    }
    let state = Mutex(State())

    func pushStandings(of users: [UserID], in conversation: ConversationID) async throws(StoreError) -> [UserID: PushStanding] {
        let (standings, error) = state.withLock { state -> ([UserID: PushStanding], StoreError?) in
            state.questions.append((conversation, users))
            let standings = (state.standings[conversation] ?? [:]).filter { users.contains($0.key) }
            return (standings, state.errors[conversation])
        }
        if let error { throw error }
        return standings
    }
}

/// Nil for "cannot be known".
final class FakePresence: Presence {
    let users = Mutex<Set<UserID>?>([])

    func online(among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        guard let online = self.users.withLock({ $0 }) else { throw .unavailable("presence") }
        return online.intersection(users)
    }

    func arrived(_ user: UserID) async -> Bool { true }
    func left(_ user: UserID, at now: Timestamp) async {}
    func renew(_ users: [UserID]) async {}
    func states(of users: [UserID]) async throws(StoreError) -> [UserID: PresenceState] { throw notFaked }
}

/// Nil for a store that is down.
final class FakeDeviceStore: DeviceStore {
    let devices = Mutex<[UserID: [Device]]?>([:])

    func devices(of users: [UserID]) async throws(StoreError) -> [UserID: [Device]] {
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
        throw notFaked
    }

    func register(_ device: Device, maxPerUser: Int) async throws(StoreError) -> DeviceRegistration { throw notFaked }
    func devices(of user: UserID) async throws(StoreError) -> [Device] { throw notFaked }
}

/// Remembers what it was given and answers as it is told.
final class FakePushProvider: PushProvider {
    let name: String
    let deviceKinds: Set<DeviceKind>
    let deliversWithoutDevice: Bool
    private let answer: @Sendable (PushNotification) async -> PushAnswer
    private let notifications = Mutex<[PushNotification]>([])

    init(
        name: String = "fake", deviceKinds: Set<DeviceKind> = Set(DeviceKind.allCases), deliversWithoutDevice: Bool = true,
        answer: @escaping @Sendable (PushNotification) async -> PushAnswer = { _ in .accepted(id: nil) }
    ) {
        self.name = name
        self.deviceKinds = deviceKinds
        self.deliversWithoutDevice = deliversWithoutDevice
        self.answer = answer
    }

    func send(_ notification: PushNotification) async -> PushAnswer {
        notifications.withLock { $0.append(notification) }
        return await answer(notification)
    }

    var sent: [PushNotification] { notifications.withLock { $0 } }
    var recipients: [UserID] { sent.map(\.recipientID).sorted() }
}

final class HandMovedTime: TimeSource {
    private let moment = Mutex(Timestamp(milliseconds: 1_700_000_000_000))

    func now() -> Timestamp { moment.withLock { $0 } }
    func advance(bySeconds seconds: Double) { moment.withLock { $0 = $0.advanced(bySeconds: seconds) } }
}

/// Everything around a worker: participants 1 to 9 of conversation 1, all offline, nothing read, no devices.
struct Stage {
    let queue = FakePushQueue()
    let conversations = FakeConversationStore()
    let presence = FakePresence()
    let devices = FakeDeviceStore()
    let time = HandMovedTime()

    init() {
        for user in 1...9 { setStanding(UserID(UInt64(user))) }
    }

    func worker(
        _ providers: any PushProvider..., jitter: Double = 0.5, configure: (inout PushWorker.Configuration) -> Void = { _ in }
    )
        -> PushWorker
    {
        var configuration = PushWorker.Configuration()
        configure(&configuration)
        return PushWorker(
            queue: queue, conversations: conversations, presence: presence, devices: devices, providers: providers, time: time,
            configuration: configuration, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, jitter: { jitter })
    }

    func setStanding(
        _ user: UserID, in conversation: ConversationID = .sample, lastRead: Int64 = 0, mute: Mute = .off
    ) {
        let standing = PushStanding(lastReadSequence: lastRead, mute: mute)
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
    /// Job `id` of message `id`: number 5 of the conversation, sent by user 1.
    static func sample(
        _ id: Int64, to recipients: [UInt64], in conversation: ConversationID = .sample, attempt: Int = 1
    ) -> LeasedPushJob {
        LeasedPushJob(
            id: PushJobID(id),
            job: PushJob(
                messageID: MessageID(high: 7, low: UInt32(id)), conversationID: conversation, senderID: UserID(1),
                sequenceNumber: 5,
                recipients: recipients.map { UserID($0) }, messagePreview: "Hello", createdAt: Timestamp(milliseconds: 1000),
                part: 0),
            attempt: attempt)
    }
}
