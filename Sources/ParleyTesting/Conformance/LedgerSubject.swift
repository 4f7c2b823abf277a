public import ParleyCore
import ParleyModel

/// A push ledger with the stores whose facts it needs, as two workers have it.
public struct LedgerSubject: Sendable {
    public let stores: StoreSubject
    public let devices: any DeviceStore
    public let ledger: any PushLedger
    /// That of another worker.
    public let other: any PushLedger

    public init(stores: StoreSubject, devices: any DeviceStore, ledger: any PushLedger, other: any PushLedger) {
        self.stores = stores
        self.devices = devices
        self.ledger = ledger
        self.other = other
    }
}

/// A user with devices, and a conversation with one other user in it.
struct Reader {
    let user: UserID
    let other: UserID
    let conversation: ConversationID
    let devices: [DeviceID]
    let subject: LedgerSubject

    var stores: StoreSubject { subject.stores }
    var ledger: any PushLedger { subject.ledger }

    /// So many messages of the other user.
    @discardableResult
    func receive(_ count: Int, in conversation: ConversationID? = nil) async throws -> [Message] {
        try await stores.send(count, in: conversation ?? self.conversation, from: other)
    }

    func alert(_ message: Message, on device: DeviceID? = nil) -> IntendedAlert {
        IntendedAlert(
            key: AlertKey(messageID: message.id, deviceID: device ?? devices[0]), conversationID: message.conversationID, userID: user,
            sequenceNumber: message.sequenceNumber)
    }

    func claim(_ alert: IntendedAlert, at seconds: Double = 0) async throws -> AlertClaim? {
        try await ledger.claim([alert], until: Sample.time(seconds + 30), at: Sample.time(seconds))[alert.key]
    }

    /// Claims an alert and says that it was sent.
    func show(_ message: Message, on device: DeviceID? = nil, badge: Int64? = nil, at seconds: Double = 0) async throws {
        let alert = alert(message, on: device)
        guard case .granted = try await claim(alert, at: seconds) else {
            throw ConformanceFailure(description: "an alert that is new was not granted")
        }
        try await ledger.settle([alert.key: .sent(badge: badge)], at: Sample.time(seconds))
    }

    func read(to sequence: Int64, in conversation: ConversationID? = nil, at seconds: Double = 0) async throws {
        _ = try await stores.conversations.advanceRead(
            of: user, in: conversation ?? self.conversation, to: sequence, at: Sample.time(seconds))
    }

    /// What is due, leased for a minute.
    func due(at seconds: Double = 0, limit: Int = 100) async throws -> [TakeBack] {
        try await ledger.leaseTakeBacks(limit: limit, seconds: 60, at: Sample.time(seconds))
    }

    func finish(_ takeBack: TakeBack, _ badges: [DeviceID: Int64] = [:], at seconds: Double = 0) async throws {
        try await ledger.finishTakeBacks([(takeBack, .done(badges: badges))], at: Sample.time(seconds))
    }

    func takeBack(_ sequence: Int64, attempt: Int = 1, in conversation: ConversationID? = nil) -> TakeBack {
        TakeBack(
            userID: user, conversationID: conversation ?? self.conversation, lastReadSequence: sequence, attempt: attempt)
    }
}

extension LedgerSubject {
    func reader(devices count: Int = 1, isDirect: Bool = false) async throws -> Reader {
        let users = Sample.users(2)
        let conversation = isDirect ? try await stores.direct(users[0], users[1]) : try await stores.group(users)
        var ids: [DeviceID] = []
        for _ in 0..<count { ids.append(try await device(of: users[1])) }
        return Reader(user: users[1], other: users[0], conversation: conversation, devices: ids, subject: self)
    }

    func device(of user: UserID) async throws -> DeviceID {
        let device = Sample.device(.apns(token: UserID.random().description), of: user)
        try checkEqual(try await devices.register(device, maxPerUser: 100), .added(device), "the registration")
        return device.id
    }
}
