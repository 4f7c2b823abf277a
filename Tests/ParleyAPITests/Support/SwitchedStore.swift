import ParleyCore
import ParleyModel
import Synchronization

/// The in-memory stores behind two switches: a gate that appends wait at, and an outage in which every call fails.
///
/// Appends apply their metadata before they answer, as SQLite does in its transaction: after a 201 lists and counts are
/// up to date, and no test has to wait for effects.
struct SwitchedStore: Sendable {
    let gate = Gate()
    let outage = Outage()
    let store = InMemoryStore()
    let devices: SwitchedDeviceStore
    let settings: SwitchedSettingsStore

    init() {
        devices = SwitchedDeviceStore(outage: outage, store: store)
        settings = SwitchedSettingsStore(outage: outage)
    }
}

/// While it lasts, every call of a store throws its error.
final class Outage: Sendable {
    private let error = Mutex<StoreError?>(nil)

    func begin(_ error: StoreError) { self.error.withLock { $0 = error } }
    func end() { error.withLock { $0 = nil } }

    func check() throws(StoreError) {
        if let error = error.withLock({ $0 }) { throw error }
    }
}

/// A gate that can be shut; those who come wait until it opens.
final class Gate: Sendable {
    private struct State {
        var isOpen = true
        var waiting: [CheckedContinuation<Void, Never>] = []
        var watchers: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    func shut() { state.withLock { $0.isOpen = false } }

    func open() {
        let waiting = state.withLock { state in
            state.isOpen = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func pass() async {
        await withCheckedContinuation { continuation in
            let (isOpen, watchers) = state.withLock { state -> (Bool, [CheckedContinuation<Void, Never>]) in
                if state.isOpen { return (true, []) }
                state.waiting.append(continuation)
                defer { state.watchers = [] }
                return (false, state.watchers)
            }
            if isOpen { continuation.resume() }
            for watcher in watchers { watcher.resume() }
        }
    }

    /// Returns when somebody waits at the gate.
    func someoneWaits() async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if !state.waiting.isEmpty { return true }
                state.watchers.append(continuation)
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}

extension SwitchedStore: MessageStore {
    var appliesMetadata: Bool { true }

    func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome] {
        await gate.pass()
        try outage.check()
        let outcomes = await store.append(batch)
        let stored = outcomes.compactMap { if case .stored(let message, _) = $0 { message } else { nil } }
        try await MetadataApplier(messages: store, conversations: store).apply(stored)
        return outcomes
    }

    func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History {
        try outage.check()
        return await store.history(of: conversation, query, limit: limit)
    }

    func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads {
        try outage.check()
        return await store.heads(after: mark)
    }

    func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async throws(StoreError) -> Message? {
        try outage.check()
        return await store.message(in: conversation, from: sender, clientMessageID: clientMessageID)
    }
}

extension SwitchedStore: MediaStore {
    func register(_ media: Media) async throws(StoreError) {
        try outage.check()
        await store.register(media)
    }

    func media(_ ids: [MediaID]) async throws(StoreError) -> [MediaID: Media] {
        try outage.check()
        return await store.media(ids)
    }

    func wasSent(_ id: MediaID, whereParticipates user: UserID) async throws(StoreError) -> Bool {
        try outage.check()
        return await store.wasSent(id, whereParticipates: user)
    }
}

extension SwitchedStore: ConversationStore {
    func direct(between creator: UserID, and other: UserID, id: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (conversationID: ConversationID, created: Bool)
    {
        try outage.check()
        return await store.direct(between: creator, and: other, id: id, at: now)
    }

    func createGroup(id: ConversationID, title: String?, creator: UserID, others: [UserID], at now: Timestamp) async throws(StoreError) {
        try outage.check()
        await store.createGroup(id: id, title: title, creator: creator, others: others, at: now)
    }

    func view(of conversation: ConversationID, for user: UserID) async throws(StoreError) -> ConversationView? {
        try outage.check()
        return await store.view(of: conversation, for: user)
    }

    func exists(_ conversation: ConversationID) async throws(StoreError) -> Bool {
        try outage.check()
        return await store.exists(conversation)
    }

    func role(of user: UserID, in conversation: ConversationID) async throws(StoreError) -> Role? {
        try outage.check()
        return await store.role(of: user, in: conversation)
    }

    func list(for user: UserID, limit: Int, cursor: String?) async throws(StoreError) -> (views: [ConversationView], nextCursor: String?) {
        try outage.check()
        return try await store.list(for: user, limit: limit, cursor: cursor)
    }

    func rename(_ conversation: ConversationID, to title: String?, at now: Timestamp) async throws(StoreError) -> ConversationStamp? {
        try outage.check()
        return await store.rename(conversation, to: title, at: now)
    }

    func participants(of conversation: ConversationID, limit: Int, cursor: String?) async throws(StoreError)
        -> (participants: [Participant], nextCursor: String?)
    {
        try outage.check()
        return try await store.participants(of: conversation, limit: limit, cursor: cursor)
    }

    func participantIDs(of conversation: ConversationID, after user: UserID?, limit: Int) async throws(StoreError) -> [UserID] {
        try outage.check()
        return await store.participantIDs(of: conversation, after: user, limit: limit)
    }

    func setRole(of user: UserID, in conversation: ConversationID, to role: Role, maxParticipants: Int, at now: Timestamp)
        async throws(StoreError) -> (change: RoleChange, stamp: ConversationStamp?)
    {
        try outage.check()
        return await store.setRole(of: user, in: conversation, to: role, maxParticipants: maxParticipants, at: now)
    }

    func remove(_ user: UserID, from conversation: ConversationID, at now: Timestamp) async throws(StoreError)
        -> (removal: Removal, stamp: ConversationStamp?)
    {
        try outage.check()
        return await store.remove(user, from: conversation, at: now)
    }

    func setMute(_ mute: Mute, for user: UserID, in conversation: ConversationID, at now: Timestamp) async throws(StoreError) -> Bool {
        try outage.check()
        return await store.setMute(mute, for: user, in: conversation, at: now)
    }

    func setNotificationLevel(_ level: NotificationLevel, for user: UserID, in conversation: ConversationID, at now: Timestamp)
        async throws(StoreError) -> Bool
    {
        try outage.check()
        return await store.setNotificationLevel(level, for: user, in: conversation, at: now)
    }

    func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<ReadState>?
    {
        try outage.check()
        return await store.advanceRead(of: user, in: conversation, to: sequenceNumber, at: now)
    }

    func advanceDelivered(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<Int64>?
    {
        try outage.check()
        return await store.advanceDelivered(of: user, in: conversation, to: sequenceNumber, at: now)
    }

    func receiptCounts(of conversation: ConversationID, at sequenceNumber: Int64) async throws(StoreError) -> ReceiptCounts {
        try outage.check()
        return await store.receiptCounts(of: conversation, at: sequenceNumber)
    }

    func participantCount(of conversation: ConversationID) async throws(StoreError) -> Int64? {
        try outage.check()
        return await store.participantCount(of: conversation)
    }

    func standings(of user: UserID, since mark: ActivityMark?) async throws(StoreError) -> UserStandings {
        try outage.check()
        return await store.standings(of: user, since: mark)
    }

    func missedChanges(of user: UserID, since time: Timestamp, maxParticipants: Int64) async throws(StoreError) -> MissedChanges {
        try outage.check()
        return await store.missedChanges(of: user, since: time, maxParticipants: maxParticipants)
    }

    func views(of conversations: [ConversationID], for user: UserID) async throws(StoreError) -> [ConversationView] {
        try outage.check()
        return await store.views(of: conversations, for: user)
    }

    func sharing(with user: UserID, among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        try outage.check()
        return await store.sharing(with: user, among: users)
    }

    func conversationIDs(of user: UserID) async throws(StoreError) -> [ConversationID] {
        try outage.check()
        return await store.conversationIDs(of: user)
    }

    func shareConversation(_ one: UserID, _ other: UserID) async throws(StoreError) -> Bool {
        try outage.check()
        return await store.shareConversation(one, other)
    }

    func pushStandings(
        of users: [ConversationID: [UserID]]
    ) async throws(StoreError) -> [ConversationID: [UserID: PushStanding]] {
        try outage.check()
        return await store.pushStandings(of: users)
    }

    func apply(_ update: MetadataUpdate) async throws(StoreError) -> ApplyOutcome {
        try outage.check()
        return try await store.apply(update)
    }
}

struct SwitchedDeviceStore: DeviceStore {
    let outage: Outage
    let store: InMemoryStore

    func register(_ device: Device, maxPerUser: Int) async throws(StoreError) -> DeviceRegistration {
        try outage.check()
        return await store.register(device, maxPerUser: maxPerUser)
    }

    func devices(of user: UserID) async throws(StoreError) -> [Device] {
        try outage.check()
        return await store.devices(of: user)
    }

    func devices(of users: [UserID]) async throws(StoreError) -> [UserID: [Device]] {
        try outage.check()
        return await store.devices(of: users)
    }

    func remove(_ id: DeviceID, of user: UserID) async throws(StoreError) -> Bool {
        try outage.check()
        return await store.remove(id, of: user)
    }

    func remove(_ id: DeviceID, of user: UserID, ifRegisteredBefore moment: Timestamp) async throws(StoreError) -> Bool {
        try outage.check()
        return await store.remove(id, of: user, ifRegisteredBefore: moment)
    }
}

struct SwitchedSettingsStore: NotificationSettingsStore {
    let outage: Outage
    let store = InMemoryNotificationSettings()

    func notificationSettings(of users: [UserID]) async throws(StoreError) -> [UserID: NotificationSettings] {
        try outage.check()
        return await store.notificationSettings(of: users)
    }

    func setNotificationSettings(_ settings: NotificationSettings, of user: UserID) async throws(StoreError) {
        try outage.check()
        await store.setNotificationSettings(settings, of: user)
    }
}
