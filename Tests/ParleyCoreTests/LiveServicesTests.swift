import Logging
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyCore

/// Markers, typing, presence and revocations: who is told of what.
struct LiveServicesTests {
    private let store = InMemoryStore()
    private let time = ManualTimeSource()
    private let bus = InProcessEventBus()
    private let told = EventCollector()
    private let access: ConversationAccess
    private let sizes: ConversationSizes
    private let counter: ReceiptCounter
    private let users = Sample.users(4)

    init() {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        access = ConversationAccess(store: store)
        sizes = ConversationSizes(store: store, timeSource: time)
        counter = ReceiptCounter(store: store, bus: bus, timeSource: time, logger: logger)
        for sink in [access, sizes, told] as [any EventSink] { bus.attach(sink) }
    }

    private func group(_ users: [UserID], messages: Int = 0) async throws -> ConversationID {
        let subject = StoreSubject(store)
        let id = try await subject.group(users)
        try await subject.send(messages, in: id, from: users[0])
        return id
    }

    private func markers(maxParticipants: Int64 = 3) -> MarkerService {
        MarkerService(
            store: store, access: access, sizes: sizes, bus: bus, counter: counter, timeSource: time, maxParticipants: maxParticipants)
    }

    private func kinds() -> [String] {
        told.received.map { event in
            switch event {
            case .read(_, _, let state, let toOthers): "read \(state.lastReadSequence)\(toOthers ? "" : " own")"
            case .delivered(_, _, let number): "delivered \(number)"
            case .receipts(_, let counts): "receipts \(counts.sequenceNumber): \(counts.readCount) \(counts.deliveredCount)"
            case .typing(_, _, let isTyping): isTyping ? "typing" : "stopped"
            case .presence(_, let state): state.online ? "online" : "offline"
            case .tokensRevoked: "revoked"
            default: "other"
            }
        }
    }

    // MARK: Markers

    @Test func `a marker is told when it moves, and only then`() async throws {
        let id = try await group(Array(users.prefix(3)), messages: 5)
        let reader = Caller(userID: users[1])
        for number in [2, 2, 1, 4] as [Int64] { _ = try await markers().read(in: id, to: number, as: reader) }
        for number in [3, 5, 5] as [Int64] { _ = try await markers().delivered(in: id, to: number, as: reader) }
        #expect(kinds() == ["read 2", "read 4", "delivered 5"])
    }

    @Test func `in a large group markers are the user's own, and the others get counts, now and then`() async throws {
        let id = try await group(users, messages: 5)
        let markers = markers()
        _ = try await markers.read(in: id, to: 5, as: Caller(userID: users[1]))
        _ = try await markers.delivered(in: id, to: 5, as: Caller(userID: users[2]))
        #expect(kinds() == ["read 5 own"])
        await counter.countDue(at: time.now())
        #expect(kinds() == ["read 5 own", "receipts 5: 1 2"])
        _ = try await markers.delivered(in: id, to: 5, as: Caller(userID: users[3]))
        time.advance(bySeconds: 4)
        await counter.countDue(at: time.now())
        #expect(kinds().count == 2)
        time.advance(bySeconds: 1)
        await counter.countDue(at: time.now())
        await counter.countDue(at: time.now())
        #expect(kinds().last == "receipts 5: 1 3")
        #expect(kinds().count == 3)
    }

    @Test func `a group that grows becomes a large one at once`() async throws {
        let id = try await group(Array(users.prefix(3)), messages: 2)
        _ = try await markers().read(in: id, to: 1, as: Caller(userID: users[1]))
        let stamp = await store.setRole(of: users[3], in: id, to: .member, maxParticipants: 9, at: time.now()).stamp
        let change = ParticipantChange(
            conversationID: id, userID: users[3], kind: .joined, role: .member, participantCount: 4, version: stamp?.version ?? 0)
        await bus.publish([.participantChanged(change, lastSequence: 2)])
        _ = try await markers().read(in: id, to: 2, as: Caller(userID: users[1]))
        #expect(kinds() == ["read 1", "other", "read 2 own"])
    }

    @Test func `nobody else moves or sees markers`() async throws {
        let id = try await group([users[0], users[1]], messages: 2)
        let outsider = Caller(userID: users[3])
        await #expect(throws: ParleyError.notAParticipant) { try await markers().read(in: id, to: 1, as: outsider) }
        await #expect(throws: ParleyError.notAParticipant) { try await markers().delivered(in: id, to: 1, as: outsider) }
        await #expect(throws: ParleyError.notAParticipant) { try await markers().receipts(of: id, at: 1, as: outsider) }
        await #expect(throws: ParleyError.self) { try await markers().read(in: id, to: -1, as: Caller(userID: users[0])) }
        #expect(kinds().isEmpty)
    }

    // MARK: Typing

    private func typing(maxParticipants: Int64 = 3) -> TypingService {
        TypingService(access: access, sizes: sizes, bus: bus, timeSource: time, maxParticipants: maxParticipants)
    }

    @Test func `the same word about typing is said once in three seconds`() async throws {
        let id = try await group(Array(users.prefix(3)))
        let (service, typist) = (typing(), Caller(userID: users[0]))
        try await service.typing(false, in: id, as: typist)
        for _ in 0..<5 { try await service.typing(true, in: id, as: typist) }
        time.advance(bySeconds: 2.9)
        try await service.typing(true, in: id, as: typist)
        #expect(kinds() == ["stopped", "typing"])
        time.advance(bySeconds: 0.1)
        try await service.typing(true, in: id, as: typist)
        for _ in 0..<3 { try await service.typing(false, in: id, as: typist) }
        try await service.typing(true, in: id, as: typist)
        #expect(kinds() == ["stopped", "typing", "typing", "stopped", "typing"])
    }

    @Test func `typing is news once, however many nodes say it, and its end only after it`() {
        let (news, conversation) = (TypingNews(), ConversationID.random())
        func said(_ words: [Bool], of user: UserID) -> [Bool] { words.filter { news.isNews($0, of: user, in: conversation) } }
        #expect(said([false, true, true, false, false, true], of: users[0]) == [true, false, true])
        #expect(said([true], of: users[1]) == [true])
    }

    @Test func `typing is throttled for each user and conversation`() async throws {
        let (one, other) = (try await group([users[0], users[1]]), try await group([users[0], users[1]]))
        let service = typing()
        for user in users.prefix(2) {
            for id in [one, other] { try await service.typing(true, in: id, as: Caller(userID: user)) }
        }
        #expect(kinds() == ["typing", "typing", "typing", "typing"])
    }

    @Test func `in a large group, and by who may not write, nothing is told`() async throws {
        let (large, small) = (try await group(users), try await group([users[0], users[1]]))
        try await typing().typing(true, in: large, as: Caller(userID: users[0]))
        _ = await store.setRole(of: users[1], in: small, to: .readOnly, maxParticipants: 9, at: time.now())
        await #expect(throws: ParleyError.self) { try await typing().typing(true, in: small, as: Caller(userID: users[1])) }
        await #expect(throws: ParleyError.notAParticipant) { try await typing().typing(true, in: small, as: Caller(userID: users[3])) }
        #expect(kinds().isEmpty)
    }

    // MARK: Presence

    private func presence() -> PresenceService {
        PresenceService(presence: InProcessPresence(timeSource: time), conversations: store, bus: bus, timeSource: time)
    }

    @Test func `the first connection is told, and the end of the last one a moment later`() async throws {
        let service = presence()
        for _ in 0..<2 { await service.arrived(users[0]) }
        #expect(kinds() == ["online"])
        for _ in 0..<2 { await service.left(users[0]) }
        time.advance(bySeconds: 2.9)
        await service.tellDepartures(at: time.now())
        #expect(kinds() == ["online"])
        time.advance(bySeconds: 0.1)
        await service.tellDepartures(at: time.now())
        await service.tellDepartures(at: time.now())
        #expect(kinds() == ["online", "offline"])
    }

    @Test func `who is back within the moment was never away`() async throws {
        let service = presence()
        await service.arrived(users[0])
        await service.left(users[0])
        time.advance(bySeconds: 1)
        await service.arrived(users[0])
        time.advance(bySeconds: 60)
        await service.tellDepartures(at: time.now())
        #expect(kinds() == ["online"])
    }

    @Test func `while it is not sure that somebody has gone their state is not told`() async throws {
        let service = presence()
        for user in users.prefix(2) { await service.arrived(user) }
        await service.left(users[0])
        #expect(try await service.settledStates(of: users.prefix(3).map(\.self)).mapValues(\.online) == [users[1]: true, users[2]: false])
        time.advance(bySeconds: 3)
        await service.tellDepartures(at: time.now())
        #expect(try await service.settledStates(of: [users[0]]).mapValues(\.online) == [users[0]: false])
    }

    @Test func `presence is told to those who share a conversation`() async throws {
        _ = try await group([users[0], users[1]])
        let service = presence()
        await service.arrived(users[1])
        let states = try await service.states(of: Array(users), as: Caller(userID: users[0]))
        #expect(
            states == [users[0]: PresenceState(online: false, lastSeenAt: nil), users[1]: PresenceState(online: true, lastSeenAt: nil)])
        await #expect(throws: ParleyError.self) { try await service.state(of: users[2], as: Caller(userID: users[0])) }
    }

    @Test func `a lease that is not renewed ends`() async throws {
        let presence = InProcessPresence(timeSource: time)
        await presence.arrived(users[0])
        time.advance(bySeconds: PresenceLease.seconds - 10)
        await presence.renew([users[0], users[1]])
        time.advance(bySeconds: PresenceLease.seconds - 10)
        #expect(await presence.online(among: users) == [users[0]])
        time.advance(bySeconds: 10)
        #expect(await presence.online(among: users) == [])
        #expect(await presence.arrived(users[0]))
    }

    // MARK: Revoked tokens

    @Test func `tokens that were issued before are refused, later ones are good`() async throws {
        let revocations = TokenRevocations(store: InMemoryTokenRevocationStore(), bus: bus, timeSource: time)
        let service = Caller(userID: nil, isService: true)
        try await revocations.check(Caller(userID: users[0], issuedAt: Sample.time(0)))
        time.set(Sample.time(10))
        try await revocations.revoke(users[0], as: service)
        for issuedAt in [Sample.time(0), Sample.time(9.999), nil] {
            await #expect(throws: ParleyError.self) { try await revocations.check(Caller(userID: users[0], issuedAt: issuedAt)) }
        }
        try await revocations.check(Caller(userID: users[0], issuedAt: Sample.time(10)))
        try await revocations.check(Caller(userID: users[1], issuedAt: Sample.time(0)))
        try await revocations.check(Caller(userID: users[0], isService: true))
        #expect(kinds() == ["revoked"])
    }

    @Test func `only a service token revokes`() async throws {
        let revocations = TokenRevocations(store: InMemoryTokenRevocationStore(), bus: bus, timeSource: time)
        await #expect(throws: ParleyError.self) { try await revocations.revoke(users[0], as: Caller(userID: users[0])) }
        #expect(kinds().isEmpty)
    }

    @Test func `a node that missed the event finds out by itself`() async throws {
        let store = InMemoryTokenRevocationStore()
        let elsewhere = TokenRevocations(store: store, bus: bus, timeSource: time)
        let old = Caller(userID: users[0], issuedAt: Sample.time(0))
        try await elsewhere.check(old)
        await store.revoke(users[0], before: Sample.time(5))
        time.advance(bySeconds: 29)
        try await elsewhere.check(old)
        time.advance(bySeconds: 1)
        await #expect(throws: ParleyError.self) { try await elsewhere.check(old) }
    }
}
