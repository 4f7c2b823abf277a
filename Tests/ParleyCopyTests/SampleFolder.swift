import Foundation
import ParleyCore
import ParleyModel
import ParleyStores
import ParleyTesting

/// A data folder with some of everything in it; it goes away with this value.
final class SampleFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/parley-copy-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Runs the body on the folder as its server would have it.
    func serve<Value>(_ body: (SampleStores) async throws -> Value) async throws -> Value {
        let database = try SQLiteDatabase(folder: path, access: .exclusive, logger: TestCluster.logger)
        defer { database.close() }
        return try await body(SampleStores(database))
    }
}

struct SampleStores: Sendable {
    let database: SQLiteDatabase
    let messages: SQLiteMessageStore
    let conversations: SQLiteConversationStore
    let media: SQLiteMediaStore
    let devices: SQLiteDeviceStore
    let revocations: SQLiteTokenRevocationStore
    let settings: SQLiteNotificationSettingsStore
    let ledger: SQLitePushLedger
    let attendances: SQLiteAttendanceStore
    let queue: SQLitePushQueue

    init(_ database: SQLiteDatabase) {
        self.database = database
        messages = SQLiteMessageStore(database)
        conversations = SQLiteConversationStore(database)
        media = SQLiteMediaStore(database)
        devices = SQLiteDeviceStore(database)
        revocations = SQLiteTokenRevocationStore(database)
        settings = SQLiteNotificationSettingsStore(database)
        ledger = SQLitePushLedger(database)
        attendances = SQLiteAttendanceStore(database)
        queue = SQLitePushQueue(database)
    }
}

/// What is in a folder, so that it can be asked for by name, and the steps that fill it.
struct SampleWorld: Sendable {
    let users = Sample.users(9)
    var conversations: [ConversationID] = []
    var media: [Media] = []
    var keys: [(conversation: ConversationID, sender: UserID, key: String)] = []
    var seconds = 0.0
    private let ids = MessageIDGenerator()

    private static let texts = [
        "Hello", "日本語のメッセージ", "👩‍👩‍👧‍👦 family", "line\nbreak", "nul\u{0}inside", "", String(repeating: "long é ", count: 60),
    ]

    mutating func tick() -> Timestamp {
        seconds += 0.25
        return Sample.time(seconds)
    }

    /// Conversations of both kinds, some of which stay empty, media and devices, then random steps.
    mutating func fill(_ stores: SampleStores, steps: Int, _ random: inout SeededGenerator) async throws {
        for number in 0..<6 {
            let others = Array(users.shuffled(using: &random).prefix(number + 1))
            let id = ConversationID.random()
            let title = number == 2 ? nil : "Group \(number) ✨"
            try await stores.conversations.createGroup(id: id, title: title, creator: users[number], others: others, at: tick())
            conversations.append(id)
        }
        for number in 1..<6 {
            let id = ConversationID.random()
            _ = try await stores.conversations.direct(between: users[0], and: users[number], id: id, at: tick())
            conversations.append(id)
        }
        for user in users {
            let photo = Sample.media(owner: user)
            try await stores.media.register(photo)
            media.append(photo)
        }
        let sound = Media(
            id: .random(), ownerID: users[0], kind: .audio, name: "ä.ogg", size: 1, contentType: "audio/ogg", url: "https://m.example/a",
            width: nil, height: nil, durationMilliseconds: 1500, createdAt: tick())
        try await stores.media.register(sound)
        media.append(sound)
        try await addDevices(stores)
        for _ in 0..<steps { try await step(stores, &random) }
        try await leaveAttendances(stores)
        try await leaveJobs(stores)
    }

    mutating func step(_ stores: SampleStores, _ random: inout SeededGenerator) async throws {
        // The last two conversations stay as they were made.
        let conversation = random.pick(Array(conversations.dropLast(2)))
        let user = random.pick(users)
        let role = try await stores.conversations.role(of: user, in: conversation)
        switch random.number(0...19) {
        case 0..<12:
            if role != nil { try await send(random.number(1...3), stores, in: conversation, from: user, &random) }
        case 12, 13, 14:
            let last = try await stores.messages.history(of: conversation, .newest, limit: 1).lastSequence
            _ = try await stores.conversations.advanceRead(
                of: user, in: conversation, to: max(0, last - Int64(random.number(0...4))), at: tick())
            try await alert(users[random.number(0...3)], stores, in: conversation, &random)
        case 15:
            let last = try await stores.messages.history(of: conversation, .newest, limit: 1).lastSequence
            _ = try await stores.conversations.advanceDelivered(of: user, in: conversation, to: last, at: tick())
        case 16:
            let mute = random.pick([Mute.off, .forever, .until(Sample.time(1_000_000))])
            _ = try await stores.conversations.setMute(mute, for: user, in: conversation, at: tick())
        case 17 where random.oneIn(2):
            let level = random.pick(NotificationLevel.allCases)
            _ = try await stores.conversations.setNotificationLevel(level, for: user, in: conversation, at: tick())
        case 17: _ = try await stores.conversations.remove(user, from: conversation, at: tick())
        case 18:
            let isDirect = conversations.firstIndex(of: conversation).map { $0 >= 6 } ?? false
            if isDirect { return }
            let role = random.pick(Role.allCases)
            _ = try await stores.conversations.setRole(of: user, in: conversation, to: role, maxParticipants: 100, at: tick())
        default: _ = try await stores.conversations.rename(conversation, to: "Named at \(seconds)", at: tick())
        }
    }

    mutating func send(
        _ count: Int, _ stores: SampleStores, in conversation: ConversationID, from user: UserID, _ random: inout SeededGenerator
    ) async throws {
        var batch: [NewMessage] = []
        for _ in 0..<count {
            let type = random.pick([MessageType.text, .text, .image, MessageType(rawValue: "poll.vote")!])
            let content = random.pick(Self.texts)
            let mediaIDs = type == .image ? media.shuffled(using: &random).prefix(random.number(1...2)).map(\.id) : []
            let key = random.oneIn(2) ? "key \(seconds) \(batch.count) é" : nil
            if let key { keys.append((conversation, user, key)) }
            let now = tick()
            batch.append(
                NewMessage(
                    id: ids.next(at: now), conversationID: conversation, senderID: user, clientMessageID: key, messageType: type,
                    content: content, mediaIDs: mediaIDs, createdAt: now,
                    preview: MessagePreview.preview(of: type, content: content, mediaCount: mediaIDs.count)))
        }
        _ = try await stores.messages.append(batch)
    }

    /// Alerts one of a user's devices of the newest message, as a worker does, and ends what is to be taken back now and then.
    private mutating func alert(
        _ user: UserID, _ stores: SampleStores, in conversation: ConversationID, _ random: inout SeededGenerator
    ) async throws {
        let newest = try await stores.messages.history(of: conversation, .newest, limit: 1).messages.first
        guard let newest, let device = try await stores.devices.devices(of: user).first else { return }
        let key = AlertKey(messageID: newest.id, deviceID: device.id)
        let intended = IntendedAlert(key: key, conversationID: conversation, userID: user, sequenceNumber: newest.sequenceNumber)
        let claims = try await stores.ledger.claim([intended], until: tick().advanced(bySeconds: 60), at: tick())
        // One in five claims is left by a worker that was killed.
        if case .granted? = claims[key], !random.oneIn(5) {
            try await stores.ledger.settle([key: .sent(badge: random.oneIn(2) ? 3 : nil)], at: tick())
        }
        guard random.oneIn(3) else { return }
        for takeBack in try await stores.ledger.leaseTakeBacks(limit: 2, seconds: 60, at: tick()) where random.oneIn(2) {
            try await stores.ledger.finishTakeBacks([(takeBack, .done(badges: [:]))], at: tick())
        }
    }

    private mutating func addDevices(_ stores: SampleStores) async throws {
        let time = tick()
        for number in 0..<12 {
            let user = users[number % 4]
            let address: PushAddress =
                switch number % 3 {
                case 0: .apns(token: "apns \(number)")
                case 1: .fcm(token: "fcm \(number)")
                default: Sample.webPush("https://p/\(number)")
                }
            // All at the same time: their order is that of registering.
            _ = try await stores.devices.register(Sample.device(address, of: user, name: "d\(number)", at: time), maxPerUser: 10)
        }
        let first = try await stores.devices.devices(of: users[1])
        _ = try await stores.devices.remove(first[0].id, of: users[1])
        // The address comes back under another id, another one moves to somebody else.
        _ = try await stores.devices.register(Sample.device(first[0].address, of: users[2]), maxPerUser: 10)
        _ = try await stores.devices.register(Sample.device(first[1].address, of: users[3]), maxPerUser: 10)
        try await stores.revocations.revoke(users[5], before: tick())
        try await stores.revocations.revoke(users[6], before: tick())
        for (number, user) in users.prefix(7).enumerated() {
            let hours = number % 3 == 0 ? nil : QuietHours(from: 1320, to: 60 * number)
            let settings = NotificationSettings(
                displayName: number % 2 == 0 ? nil : "Ann \(number) 👩‍👩‍👧", timeZone: number % 4 == 0 ? "UTC" : "Europe/Berlin",
                quietHours: hours, privacy: number % 2 == 0 ? .ids : nil)
            try await stores.settings.setNotificationSettings(settings, of: user)
        }
    }

    /// Some sit at connections, some have gone, with and without a sign of when they were there last, and some of these are just looked at.
    private mutating func leaveAttendances(_ stores: SampleStores) async throws {
        let (store, node, earlier) = (stores.attendances, NodeID(0xA1), NodeID(0xA0))
        try await store.began(Array(users.prefix(6)), at: node, since: tick())
        let (since, seen) = (tick(), tick())
        try await store.ended(
            users.prefix(2).map { EndedAttendance(userID: $0, since: since, seenUntil: seen) }, at: node, dueAt: tick())
        try await store.began(Array(users[4...]), at: earlier, since: tick())
        try await store.ended(node: earlier, dueAt: tick())
        _ = try await store.leaseLooks(limit: 2, seconds: 60, at: tick())
    }

    /// Jobs that wait, that are leased by nobody any more, that wait for their next try, and that were given up.
    private mutating func leaveJobs(_ stores: SampleStores) async throws {
        let now = SystemTimeSource().now()
        try await stores.queue.enqueue((0..<9).map { Sample.job(for: users, part: $0 % 2, preview: "job \($0)") }, at: now)
        let leases = try await stores.queue.lease(limit: 6, seconds: 600, at: now)
        var results: [PushJobID: PushJobResult] = [:]
        for (number, lease) in leases.enumerated() {
            switch number {
            case 0, 1, 2: results[lease.id] = .dead(recipients: lease.job.recipients, reason: "gone 💀 \(number)")
            case 3: results[lease.id] = .retry(after: 1200, recipients: [users[0]], reason: "slow")
            default: break
            }
        }
        try await stores.queue.finish(results, at: now)
        // All but the last few messages have their effects done.
        let last = try await stores.messages.lastPosition()
        try await stores.messages.advance(to: LogPosition(max(0, last.value - 3)))
    }
}
