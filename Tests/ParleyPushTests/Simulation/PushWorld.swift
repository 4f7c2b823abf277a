import ParleyCore
import ParleyModel
import ParleyPush
import Synchronization

/// Users, their conversations and their devices, as they are outside of the worker: what it asks of stores, and what its
/// notifications do on devices. It holds each notification to the laws at the moment of its arrival.
///
/// What happens while a batch is being worked on may come too late for a decision of that batch. So the laws go by what held
/// when the batch began (``beginBatch()``), or by what holds now.
final class PushWorld: Sendable {
    struct Place: Hashable {
        let user: Int
        let conversation: Int
    }

    /// The alert of one message on one phone.
    struct Alert: Hashable {
        let phone: Int
        let conversation: Int
        let number: Int64
    }

    struct Conversation {
        let participants: [Int]
        /// Who sent number n + 1, and when.
        var messages: [(sender: Int, at: Timestamp)] = []
    }

    struct Phone {
        var device: Device
        let user: Int
        let boughtAt: Timestamp
        var isInstalled = true
        var uninstalledAt: Timestamp?
        /// What is on its screen: message numbers.
        var shown: [Int: [Int64]] = [:]
        var badge: Int64?
        /// Alerts of single messages since the user last read there.
        var singles: [Int: Int] = [:]
    }

    struct State {
        var conversations: [Conversation] = []
        var conversationsOf: [[Int]] = []
        var markers: [Place: Int64] = [:]
        var mutes: Set<Place> = []
        var silenced: Set<Place> = []
        var attended: Set<Int> = []
        var quiet: Set<Int> = []
        var phones: [Phone] = []
        var phonesOf: [[Int]] = []
        /// Those that the store of devices knows.
        var registered: Set<Int> = []

        // What the push services do.
        var isFaulty = true
        var isDown = false
        var attempts: [Alert: UInt64] = [:]

        // What the laws are about.
        var deliveries: [Alert: Int] = [:]
        /// How often nobody was told that the alert had arrived.
        var lost: [Alert: Int] = [:]
        var rejected: Set<Alert> = []
        var markersBefore: [Place: Int64] = [:]
        var totalsBefore: [Int: [Int64]] = [:]
        var violations: [String] = []
        var alertCount = 0
        var collapsedCount = 0
        var takenBackCount = 0

        func marker(_ user: Int, _ conversation: Int) -> Int64 { markers[Place(user: user, conversation: conversation)] ?? 0 }

        func unread(_ user: Int, _ conversation: Int) -> Int64 {
            let messages = conversations[conversation].messages
            return messages[Int(marker(user, conversation))...].reduce(0) { $0 + ($1.sender == user ? 0 : 1) }
        }

        func total(_ user: Int) -> Int64 { conversationsOf[user].reduce(0) { $0 + unread(user, $1) } }
    }

    /// Shared with the ledger, which looks into the tables next to it.
    final class Facts: Sendable {
        let state = Mutex(State())
    }

    let seed: UInt64
    let time = HandMovedTime()
    let facts = Facts()
    let ledger: FakePushLedger
    let queue = SimulatedQueue()

    init(seed: UInt64) {
        self.seed = seed
        ledger = FakePushLedger(
            marker: { [facts] user, conversation in facts.state.withLock { $0.marker(user.index, conversation.index) } },
            total: { [facts] user in facts.state.withLock { $0.total(user.index) } })
    }

    /// Users of whom nothing but reading and devices changes: each message must reach them.
    static func isPlain(_ user: Int) -> Bool { user % 5 < 3 }

    // MARK: What people do

    /// Queues a job as the notifier does: for those who are not at a connection.
    func send(from sender: Int, in conversation: Int) async throws {
        let now = time.now()
        let job = facts.state.withLock { state in
            state.conversations[conversation].messages.append((sender, now))
            let number = state.conversations[conversation].messages.count
            let absent = state.conversations[conversation].participants.filter { $0 != sender && !state.attended.contains($0) }
            return PushJob(
                messageID: MessageID(conversation: conversation, number: number), conversationID: ConversationID(UInt64(conversation)),
                senderID: UserID(UInt64(sender)), sequenceNumber: Int64(number), recipients: absent.map { UserID(UInt64($0)) },
                messagePreview: "Hello", createdAt: now, part: 0)
        }
        try await queue.enqueue([job], at: now)
    }

    /// Reads everything there is in a conversation.
    func read(_ user: Int, in conversation: Int) {
        let number = facts.state.withLock { state -> Int64? in
            let place = Place(user: user, conversation: conversation)
            let number = Int64(state.conversations[conversation].messages.count)
            let before = state.marker(user, conversation)
            guard number > before else { return nil }
            state.markersBefore[place] = state.markersBefore[place] ?? before
            state.totalsBefore[user, default: []].append(state.total(user))
            state.markers[place] = number
            for phone in state.phonesOf[user] { state.phones[phone].singles[conversation] = nil }
            return number
        }
        if let number {
            ledger.read(UserID(UInt64(user)), in: ConversationID(UInt64(conversation)), to: number, at: time.now())
        }
    }

    func addPhone(of user: Int, _ address: (String) -> PushAddress) {
        facts.state.withLock { state in
            let number = state.phones.count
            let device = Device(
                id: DeviceID(UInt64(number)), userID: UserID(UInt64(user)), address: address("\(number)"), name: nil, createdAt: time.now())
            state.phones.append(Phone(device: device, user: user, boughtAt: time.now()))
            state.phonesOf[user].append(number)
            state.registered.insert(number)
        }
    }

    func uninstall(_ phone: Int) {
        facts.state.withLock { state in
            state.phones[phone].isInstalled = false
            state.phones[phone].uninstalledAt = time.now()
        }
    }

    /// Under the old id, as the stores do it.
    func reinstall(_ phone: Int) {
        facts.state.withLock { state in
            guard !state.phones[phone].isInstalled else { return }
            let old = state.phones[phone].device
            state.phones[phone].device = Device(
                id: old.id, userID: old.userID, address: old.address, name: nil, createdAt: old.createdAt, registeredAt: time.now())
            state.phones[phone].isInstalled = true
            state.phones[phone].shown = [:]
            state.registered.insert(phone)
        }
    }

    // MARK: What arrives

    func beginBatch() {
        facts.state.withLock { state in
            state.markersBefore = [:]
            state.totalsBefore = [:]
        }
    }

    /// What a push service does with a notification of a worker that lives.
    func deliver(_ notification: PushNotification, _ life: WorkerLife) -> PushAnswer {
        var reader: (user: Int, conversation: Int)?
        let answer = facts.state.withLock { state -> PushAnswer in
            guard let device = notification.device else { return .rejected(reason: "no device") }
            let phone = Int(device.id.low)
            if !state.phones[phone].isInstalled { return .deviceGone(since: state.phones[phone].uninstalledAt) }
            switch notification.content {
            case .read(let read):
                var chance = Chance(seed, UInt64(phone), UInt64(read.lastReadSequence), UInt64(bitPattern: time.now().milliseconds))
                if state.isFaulty, chance.happens(0.05) { return .retry(after: nil, reason: "busy") }
                life.mayDie()
                arrived(read, on: phone, badge: notification.badge, &state)
                return .accepted(id: nil)
            case .message(let message):
                let alert = Alert(phone: phone, conversation: message.conversationID.index, number: message.sequenceNumber ?? 0)
                state.attempts[alert, default: 0] += 1
                var chance = Chance(
                    seed, UInt64(phone), UInt64(alert.conversation), UInt64(alert.number), state.attempts[alert, default: 0])
                if state.isDown, notification.device?.address.kind == .apns { return .retry(after: nil, reason: "down") }
                if state.isFaulty, chance.happens(0.05) { return .retry(after: chance.happens(0.5) ? 10 : nil, reason: "busy") }
                if state.isFaulty, chance.happens(0.002) {
                    state.rejected.insert(alert)
                    return .rejected(reason: "no")
                }
                arrived(alert, count: message.count, badge: notification.badge, &state)
                if state.isFaulty, chance.happens(0.01) { reader = (state.phones[phone].user, alert.conversation) }
                if state.isFaulty, chance.happens(0.01) {
                    state.lost[alert, default: 0] += 1
                    return .unanswered(after: nil, reason: "timed out")
                }
                life.delivered(alert)
                life.mayDie()
                return .accepted(id: nil)
            }
        }
        if let reader { read(reader.user, in: reader.conversation) }
        return answer
    }

    private func arrived(_ alert: Alert, count: Int, badge: Int64?, _ state: inout State) {
        let phone = state.phones[alert.phone]
        let place = Place(user: phone.user, conversation: alert.conversation)
        func demand(_ holds: Bool, _ law: String) {
            if !holds { state.violations.append("\(law): \(alert) of user \(phone.user)") }
        }
        state.alertCount += 1
        state.deliveries[alert, default: 0] += 1
        demand(state.deliveries[alert, default: 0] <= 1 + (state.lost[alert] ?? 0), "one alert for each message and device")
        demand((state.markersBefore[place] ?? state.marker(phone.user, alert.conversation)) < alert.number, "no alert of what was read")
        demand(!state.mutes.contains(place) && !state.silenced.contains(place), "no alert of what is muted")
        demand(!state.quiet.contains(phone.user), "no alert in quiet hours")
        demand(!state.attended.contains(phone.user), "no alert for who is at a connection")
        demand(
            badge == state.total(phone.user) || (state.totalsBefore[phone.user] ?? []).contains { $0 == badge },
            "the badge is what is unread")
        if count > 1 {
            state.collapsedCount += 1
            state.phones[alert.phone].shown[alert.conversation] = [alert.number]
        } else {
            state.phones[alert.phone].shown[alert.conversation, default: []].append(alert.number)
            // What was read while it was on its way is gone again at once.
            let isUnread = state.marker(phone.user, alert.conversation) < alert.number
            if isUnread { state.phones[alert.phone].singles[alert.conversation, default: 0] += 1 }
            let singles = state.phones[alert.phone].singles[alert.conversation, default: 0]
            demand(singles <= 3 || singles <= 3 + lostCount(alert.phone, alert.conversation, state), "a burst collapses")
        }
        state.phones[alert.phone].badge = badge ?? state.phones[alert.phone].badge
    }

    private func lostCount(_ phone: Int, _ conversation: Int, _ state: State) -> Int {
        state.lost.filter { $0.key.phone == phone && $0.key.conversation == conversation }.values.reduce(0, +)
    }

    private func arrived(_ read: PushRead, on phone: Int, badge: Int64?, _ state: inout State) {
        let conversation = read.conversationID.index
        state.takenBackCount += 1
        state.phones[phone].shown[conversation]?.removeAll { $0 <= read.lastReadSequence }
        let user = state.phones[phone].user
        if badge != state.total(user), !(state.totalsBefore[user] ?? []).contains(where: { $0 == badge }) {
            state.violations.append("the badge is what is unread: \(read) on \(phone)")
        }
        state.phones[phone].badge = badge ?? state.phones[phone].badge
    }

    /// A worker has died: what it delivered and did not write down, nobody was told of.
    func died(_ life: WorkerLife) {
        facts.state.withLock { state in
            for alert in life.unsettled { state.lost[alert, default: 0] += 1 }
        }
    }
}

// MARK: What the worker asks of stores

extension PushWorld: PushStandings, NotificationSettingsStore, DeviceStore {
    func pushStandings(
        of users: [ConversationID: [UserID]]
    ) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]] {
        facts.state.withLock { state in
            var standings: [ConversationID: [UserID: PushStanding]] = [:]
            for (conversation, users) in users {
                let participants = Set(state.conversations[conversation.index].participants)
                for user in users where participants.contains(user.index) {
                    let place = Place(user: user.index, conversation: conversation.index)
                    standings[conversation, default: [:]][user] = PushStanding(
                        lastReadSequence: state.marker(user.index, conversation.index), mute: state.mutes.contains(place) ? .forever : .off,
                        level: state.silenced.contains(place) ? .mentions : .all, unreadCount: state.unread(user.index, conversation.index))
                }
            }
            return standings
        }
    }

    func notificationSettings(of users: [UserID]) async throws(StoreError) -> [UserID: NotificationSettings] {
        let always = NotificationSettings(
            displayName: nil, timeZone: "Asia/Tokyo", quietHours: QuietHours(from: 0, to: 0), privacy: nil)
        return facts.state.withLock { state in
            Dictionary(uniqueKeysWithValues: users.filter { state.quiet.contains($0.index) }.map { ($0, always) })
        }
    }

    func devices(of users: [UserID]) async throws(StoreError) -> [UserID: [Device]] {
        facts.state.withLock { state in
            var devices: [UserID: [Device]] = [:]
            for user in users {
                let registered = state.phonesOf[user.index].filter(state.registered.contains)
                if !registered.isEmpty { devices[user] = registered.map { state.phones[$0].device } }
            }
            return devices
        }
    }

    func remove(_ id: DeviceID, of user: UserID, ifRegisteredBefore moment: Timestamp) async throws(StoreError) -> Bool {
        facts.state.withLock { state in
            let phone = Int(id.low)
            guard state.phones[phone].device.registeredAt <= moment else { return false }
            return state.registered.remove(phone) != nil
        }
    }

    func setNotificationSettings(_ settings: NotificationSettings, of user: UserID) async throws(StoreError) { throw notFaked }
    func remove(_ id: DeviceID, of user: UserID) async throws(StoreError) -> Bool { throw notFaked }
    func register(_ device: Device, maxPerUser: Int) async throws(StoreError) -> DeviceRegistration { throw notFaked }
    func devices(of user: UserID) async throws(StoreError) -> [Device] { throw notFaked }
}

extension PushWorld: Presence {
    func attended(among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        facts.state.withLock { state in Set(users.filter { state.attended.contains($0.index) }) }
    }

    func online(among users: [UserID]) async throws(StoreError) -> Set<UserID> { throw notFaked }
    func arrived(_ user: UserID) async -> Bool { true }
    func turned(_ user: UserID, _ attention: Attention) async {}
    func left(_ user: UserID, _ attention: Attention, at now: Timestamp) async {}
    func renew(_ users: [UserID]) async {}
    func states(of users: [UserID]) async throws(StoreError) -> [UserID: PresenceState] { throw notFaked }
}

extension Identifier {
    var index: Int { Int(low) }
}

extension MessageID {
    init(conversation: Int, number: Int) { self.init(high: UInt64(conversation), low: UInt32(number)) }
    var conversation: Int { Int(high) }
    var number: Int64 { Int64(low) }
}
