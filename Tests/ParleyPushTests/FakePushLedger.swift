import ParleyCore
import ParleyModel
import Synchronization

/// What a ledger promises, in memory. What it would find in the tables next to it, it is told: how far users have read, and
/// how many messages they have not.
final class FakePushLedger: PushLedger {
    /// The alerts of one conversation on one device.
    struct Thread: Hashable {
        let device: DeviceID
        let conversation: ConversationID
    }

    struct Place: Hashable {
        let user: UserID
        let conversation: ConversationID
    }

    private struct Claim {
        let alert: IntendedAlert
        var until: Timestamp
        let isDoubtful: Bool
        let reads: Int
    }

    private struct Due {
        var lastRead: Int64
        var dueAt: Timestamp
        var attempt = 0
    }

    private struct State {
        var claims: [AlertKey: Claim] = [:]
        var sent: [AlertKey: Timestamp] = [:]
        var shown: [Thread: Int] = [:]
        var badges: [DeviceID: Int64] = [:]
        var devices: [UserID: Set<DeviceID>] = [:]
        var reads: [UserID: Int] = [:]
        var due: [Place: Due] = [:]
        var errors: [StoreError] = []
        var calls: [String] = []
        var settled: [[AlertKey: AlertOutcome]] = []
        var finished: [TakeBackResult] = []
    }

    private let state = Mutex(State())
    let totals = Mutex<[UserID: Int64]>([:])
    private let marker: @Sendable (UserID, ConversationID) -> Int64
    private let total: (@Sendable (UserID) -> Int64)?

    init(
        marker: @escaping @Sendable (UserID, ConversationID) -> Int64 = { _, _ in 0 }, total: (@Sendable (UserID) -> Int64)? = nil
    ) {
        self.marker = marker
        self.total = total
    }

    /// The next calls throw these.
    func fail(_ errors: StoreError...) { state.withLock { $0.errors = errors } }
    var calls: [String] { state.withLock { $0.calls } }
    var settled: [[AlertKey: AlertOutcome]] { state.withLock { $0.settled } }
    var finished: [TakeBackResult] { state.withLock { $0.finished } }
    var sentCount: Int { state.withLock { $0.sent.count } }
    var dueCount: Int { state.withLock { $0.due.count } }
    var nextDue: Timestamp? { state.withLock { $0.due.values.map(\.dueAt).min() } }

    private func call<Result>(_ name: String, _ body: (inout State) -> Result) throws(StoreError) -> Result {
        let result: Swift.Result<Result, StoreError> = state.withLock { state in
            guard state.errors.isEmpty else { return .failure(state.errors.removeFirst()) }
            state.calls.append(name)
            return .success(body(&state))
        }
        return try result.get()
    }

    private func unread(_ user: UserID) -> Int64 { total?(user) ?? totals.withLock { $0[user] ?? 0 } }

    /// The user's marker has moved to this number.
    func read(_ user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp) {
        state.withLock { state in
            let devices = state.devices[user] ?? []
            state.reads[user, default: 0] += 1
            let isShown = devices.contains {
                state.badges[$0] ?? 0 != 0 || state.shown[Thread(device: $0, conversation: conversation)] ?? 0 > 0
            }
            for device in devices { state.shown[Thread(device: device, conversation: conversation)] = nil }
            guard isShown else { return }
            owe(Place(user: user, conversation: conversation), sequenceNumber, now, &state)
        }
    }

    private func owe(_ place: Place, _ lastRead: Int64, _ now: Timestamp, _ state: inout State) {
        var due = state.due[place] ?? Due(lastRead: lastRead, dueAt: now)
        due.lastRead = max(due.lastRead, lastRead)
        state.due[place] = due
    }

    private func uncount(_ thread: Thread, _ claim: Claim, _ state: inout State) {
        guard state.reads[claim.alert.userID] ?? 0 == claim.reads, let count = state.shown[thread] else { return }
        state.shown[thread] = count > 1 ? count - 1 : nil
    }

    // MARK: PushLedger

    func claim(_ alerts: [IntendedAlert], until: Timestamp, at now: Timestamp) async throws(StoreError) -> [AlertKey: AlertClaim] {
        try call("claim") { state in
            var answers: [AlertKey: AlertClaim] = [:]
            for alert in alerts {
                if state.sent[alert.key] != nil {
                    answers[alert.key] = .sent
                } else if let claim = state.claims[alert.key], claim.until > now {
                    answers[alert.key] = .held
                } else {
                    let isDoubtful = state.claims[alert.key] != nil
                    state.claims[alert.key] = Claim(
                        alert: alert, until: until, isDoubtful: isDoubtful, reads: state.reads[alert.userID] ?? 0)
                    state.devices[alert.userID, default: []].insert(alert.key.deviceID)
                    let thread = Thread(device: alert.key.deviceID, conversation: alert.conversationID)
                    let shown = state.shown[thread] ?? 0
                    state.shown[thread] = isDoubtful ? max(shown, 1) : shown + 1
                    answers[alert.key] = .granted(earlier: isDoubtful ? max(shown - 1, 0) : shown)
                }
            }
            return answers
        }
    }

    func settle(_ outcomes: [AlertKey: AlertOutcome], at now: Timestamp) async throws(StoreError) {
        try call("settle") { state in
            state.settled.append(outcomes)
            for (key, outcome) in outcomes {
                guard let claim = state.claims.removeValue(forKey: key) else { continue }
                let alert = claim.alert
                let thread = Thread(device: key.deviceID, conversation: alert.conversationID)
                var ended = claim
                ended.until = now
                let badge: Int64?
                switch outcome {
                case .released:
                    if claim.isDoubtful { state.claims[key] = ended } else { uncount(thread, claim, &state) }
                    continue
                case .sent(let told):
                    state.sent[key] = now
                    badge = told
                case .unknown(let told):
                    state.claims[key] = ended
                    badge = told == 0 ? nil : told
                }
                if let badge { state.badges[key.deviceID] = badge }
                // What was read while it was being sent is taken back, too.
                let read = marker(alert.userID, alert.conversationID)
                let isRead = alert.sequenceNumber.map { $0 <= read } ?? false
                if isRead { uncount(thread, claim, &state) } else { state.shown[thread] = max(state.shown[thread] ?? 0, 1) }
                if total != nil, isRead || badge ?? 0 > unread(alert.userID) {
                    owe(Place(user: alert.userID, conversation: alert.conversationID), read, now, &state)
                }
            }
        }
    }

    func leaseTakeBacks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [TakeBack] {
        try call("leaseTakeBacks") { state in
            let due = state.due.filter { $0.value.dueAt <= now }.sorted { $0.value.dueAt < $1.value.dueAt }.prefix(limit)
            return due.map { place, due in
                state.due[place]?.dueAt = now.advanced(bySeconds: seconds)
                state.due[place]?.attempt += 1
                return TakeBack(
                    userID: place.user, conversationID: place.conversation, lastReadSequence: due.lastRead, attempt: due.attempt + 1)
            }
        }
    }

    func finishTakeBacks(_ results: [(TakeBack, TakeBackResult)], at now: Timestamp) async throws(StoreError) {
        try call("finishTakeBacks") { state in
            for (takeBack, result) in results {
                state.finished.append(result)
                let place = Place(user: takeBack.userID, conversation: takeBack.conversationID)
                guard let due = state.due[place] else { continue }
                switch result {
                case .done(let badges):
                    for (device, badge) in badges { state.badges[device] = badge }
                    state.due[place] = nil
                    let isOutdated = total != nil && badges.values.contains { $0 > unread(place.user) }
                    if isOutdated || due.lastRead > takeBack.lastReadSequence { owe(place, due.lastRead, now, &state) }
                case .retry(let seconds): state.due[place]?.dueAt = now.advanced(bySeconds: seconds)
                }
            }
        }
    }

    func unreadTotals(of users: [UserID]) async throws(StoreError) -> [UserID: Int64] {
        try call("unreadTotals") { _ in }
        return Dictionary(uniqueKeysWithValues: users.map { ($0, unread($0)) })
    }

    func forgetAlerts(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try call("forgetAlerts") { state in
            let old = state.sent.filter { $0.value < moment }.prefix(limit).map(\.key)
            for key in old { state.sent[key] = nil }
            return old.count
        }
    }
}
