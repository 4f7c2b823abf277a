import Logging
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCore

/// What is written down of who comes and goes, as it is, and when the store is away.
@Suite(.timeLimit(.minutes(1)))
struct AttendanceKeeperTests {
    private static let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private let store = FailingAttendances()
    private let time = ManualTimeSource()
    private let keeper: AttendanceKeeper

    init() {
        var configuration = AttendanceKeeper.Configuration()
        configuration.pauseSeconds = 0.01
        keeper = AttendanceKeeper(store, node: NodeID(5), timeSource: time, configuration: configuration, logger: Self.logger)
    }

    /// Those who are written down: true for who is there.
    private var written: [UserID: Bool] {
        get async {
            let records = await store.store.attendances.filter { $0.key.node == NodeID(5) }.map { ($0.key.user, $0.value.dueAt == nil) }
            return Dictionary(uniqueKeysWithValues: records)
        }
    }

    private func running(_ body: @Sendable () async throws -> Void) async throws {
        let keeper = keeper
        let running = Task { try await keeper.run() }
        try await body()
        running.cancel()
        try await running.value
    }

    @Test func `an arrival is written when it returns, and a departure soon after`() async throws {
        let user = UserID.random()
        try await running {
            await keeper.arrived(user)
            #expect(await written == [user: true])
            await keeper.arrived(user)
            keeper.left(user, seenUntil: time.now())
            await keeper.arrived(.random())
            #expect(await written[user] == true)
            keeper.left(user, seenUntil: time.now())
            while await written[user] != false { await Task.yield() }
        }
    }

    @Test func `at the end nobody is written down as being there`() async throws {
        let users = Sample.users(20)
        try await running { for user in users { await keeper.arrived(user) } }
        #expect(await written == Dictionary(uniqueKeysWithValues: users.map { ($0, false) }))
        await keeper.arrived(.random())
    }

    @Test func `those whom an earlier run of the node left are not there any more`() async throws {
        let user = UserID.random()
        await store.store.began([user, users[0]], at: NodeID(5), since: Sample.start)
        await store.store.began([user], at: NodeID(6), since: Sample.start)
        try await running {
            await keeper.arrived(users[0])
            #expect(await written[users[0]] == true)
            let due = await store.store.leaseLooks(limit: 10, seconds: 60, at: Sample.time(60))
            #expect(due.map(\.userID) == [user])
            #expect(due.map(\.node) == [NodeID(5)])
        }
    }

    @Test func `while the store is away users come and go, and are written when it is back`() async throws {
        let users = Sample.users(3)
        try await running {
            await keeper.arrived(users[0])
            store.isAway = true
            await keeper.arrived(users[1])
            await keeper.arrived(users[2])
            keeper.left(users[0], seenUntil: time.now())
            keeper.left(users[2], seenUntil: time.now())
            #expect(await written == [users[0]: true])
            store.isAway = false
            while await written != [users[0]: false, users[1]: true, users[2]: false] { await Task.yield() }
        }
    }

    @Test func `while the store is away from the start on, nobody waits for it`() async throws {
        let user = UserID.random()
        store.isAway = true
        try await running {
            await keeper.arrived(user)
            #expect(await written.isEmpty)
            store.isAway = false
            while await written != [user: true] { await Task.yield() }
        }
    }

    @Test func `many come together and share writes`() async throws {
        let users = Sample.users(5000)
        try await running {
            await withTaskGroup { group in
                for user in users { group.addTask { await keeper.arrived(user) } }
            }
            #expect(await written.values.count { $0 } == 5000)
        }
        #expect(store.writes < 2500)
    }

    private let users = Sample.users(1)
}

/// A store that can be away.
private final class FailingAttendances: AttendanceStore {
    let store = InMemoryStore()
    private let state = Mutex((isAway: false, writes: 0))

    var isAway: Bool {
        get { state.withLock { $0.isAway } }
        set { state.withLock { $0.isAway = newValue } }
    }
    var writes: Int { state.withLock { $0.writes } }

    private func ask() throws(StoreError) {
        let isAway = state.withLock { state in
            state.writes += 1
            return state.isAway
        }
        if isAway { throw .unavailable("away") }
    }

    func began(_ users: [UserID], at node: NodeID, since time: Timestamp) async throws(StoreError) {
        try ask()
        await store.began(users, at: node, since: time)
    }

    func ended(_ attendances: [EndedAttendance], at node: NodeID, dueAt: Timestamp) async throws(StoreError) {
        try ask()
        await store.ended(attendances, at: node, dueAt: dueAt)
    }

    func ended(node: NodeID, dueAt: Timestamp) async throws(StoreError) -> Int {
        try ask()
        return await store.ended(node: node, dueAt: dueAt)
    }

    func leaseLooks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [SecondLook] {
        await store.leaseLooks(limit: limit, seconds: seconds, at: now)
    }

    func finishLooks(_ results: [(SecondLook, SecondLookResult)]) async throws(StoreError) { await store.finishLooks(results) }

    func unread(in looks: [SecondLook]) async throws(StoreError) -> [UnreadConversation] { await store.unread(in: looks) }
}
