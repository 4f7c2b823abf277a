import NIOCore
import ParleyClient
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// The view law: a client's snapshot plus the events since equals a fresh snapshot. Five users do everything that can be
/// done, in an order that a seed decides; after every single action each client that is connected is compared with what
/// the stores say. Clients lose their connections and resume, and stop reading and go on.
@Suite(.ownThread, .timeLimit(.minutes(5)))
struct ViewLawTests {
    @Test func `after every kind of action every client's view is a fresh one`() async throws {
        try await withSeed { random in
            var actions: Set<ViewLawRun.Action> = []
            for _ in 0..<4 {
                let seed = random.next()
                actions.formUnion(
                    try await TestGateway.run { gateway in
                        var run = ViewLawRun(gateway, seed: seed)
                        try await run.begin()
                        for _ in 0..<400 { try await run.step() }
                        return run.actions
                    })
            }
            #expect(actions.count == ViewLawRun.Action.allCases.count, "not every kind of action occurred")
        }
    }
}

private struct ViewLawRun {
    enum Action: CaseIterable {
        case direct, group, rename, add, remove, leave, role, mute, unmute, level, read, delivered, send, typing
    }

    struct Client {
        let user: UserID
        var view: LocalView
        var socket: TestSocket?
        var cursor: ResumeCursor?
        var isSlow = false
        /// Role changes that a client missed are not told again one by one; it reads the participants anew.
        var mustReadParticipants = false
    }

    let gateway: TestGateway
    var random: SeededGenerator
    var clients: [Client]
    var known: [ConversationID] = []
    var actions: Set<Action> = []

    init(_ gateway: TestGateway, seed: UInt64) {
        self.gateway = gateway
        random = SeededGenerator(seed: seed)
        clients = Sample.users(5).map { Client(user: $0, view: LocalView(user: $0)) }
    }

    mutating func begin() async throws {
        for place in clients.indices {
            try await connect(place)
            clients[place].view.begin(with: try await fresh(clients[place].user))
        }
    }

    mutating func step() async throws {
        gateway.time.advance(bySeconds: Double(random.number(0...30)))
        if random.oneIn(12) { try await changeConnection(random.number(0...clients.count - 1)) }
        let action = random.pick(Action.allCases)
        await attempt(action)
        await gateway.settle()
        for place in clients.indices { try await look(place, after: action) }
    }

    // MARK: Actions

    /// What the rules refuse changes nothing, and is as good a case as any.
    private mutating func attempt(_ action: Action) async {
        do {
            try await act(action)
            actions.insert(action)
        } catch {}
    }

    private mutating func act(_ action: Action) async throws {
        let actor = random.pick(clients).user
        let caller = Caller(userID: actor)
        let other = random.pick(clients).user
        switch action {
        case .direct: known.append(try await gateway.conversations.direct(with: other, as: caller).view.conversation.id)
        case .group:
            let others = clients.map(\.user).filter { _ in random.oneIn(2) }
            known.append(try await gateway.conversations.createGroup(title: title(), with: others, as: caller).conversation.id)
        default:
            let id = try anyConversation()
            // Half the time by whoever made it, who may do most.
            let maker = await gateway.store.view(of: id, for: actor)?.conversation.createdBy ?? actor
            let doer = random.oneIn(2) && action != .leave ? maker : actor
            try await act(action, in: id, Caller(userID: doer), doer, other)
        }
    }

    private mutating func act(_ action: Action, in id: ConversationID, _ caller: Caller, _ actor: UserID, _ other: UserID) async throws {
        let conversations = gateway.conversations
        switch action {
        case .direct, .group: break
        case .rename: _ = try await conversations.rename(id, to: title(), as: caller)
        case .add: _ = try await conversations.setRole(of: other, in: id, to: .member, as: caller)
        case .role: _ = try await conversations.setRole(of: other, in: id, to: random.pick(Role.allCases), as: caller)
        case .remove: try await conversations.remove(other, from: id, as: caller)
        case .leave: try await conversations.remove(actor, from: id, as: caller)
        case .mute:
            let mute = random.oneIn(2) ? Mute.forever : .until(gateway.time.now().advanced(bySeconds: 1_000_000))
            _ = try await conversations.setMute(mute, in: id, as: caller)
        case .unmute: _ = try await conversations.setMute(.off, in: id, as: caller)
        case .level: try await conversations.setNotificationLevel(random.pick(NotificationLevel.allCases), in: id, as: caller)
        case .read: _ = try await gateway.services.markers.read(in: id, to: Int64(random.number(0...40)), as: caller)
        case .delivered: _ = try await gateway.services.markers.delivered(in: id, to: Int64(random.number(0...40)), as: caller)
        case .send:
            guard await gateway.store.role(of: actor, in: id) != nil else { throw NothingToDo() }
            await gateway.bus.publish(await gateway.store(random.number(1...5), in: id, from: actor))
        case .typing: try await gateway.services.typing.typing(random.oneIn(2), in: id, as: caller)
        }
    }

    private struct NothingToDo: Error {}

    private mutating func anyConversation() throws -> ConversationID {
        guard !known.isEmpty else { throw NothingToDo() }
        return random.pick(known)
    }

    private mutating func title() -> String? { random.oneIn(4) ? nil : "Title \(random.number(0...99))" }

    // MARK: Connections

    private mutating func changeConnection(_ place: Int) async throws {
        guard let socket = clients[place].socket else { return try await connect(place) }
        if clients[place].isSlow {
            clients[place].isSlow = false
            try await socket.setWritable(true)
        } else if random.oneIn(2) {
            clients[place].isSlow = true
            clients[place].mustReadParticipants = true
            try await socket.setWritable(false)
        } else {
            try await take(place)
            try await socket.channel.close().get()
            clients[place].socket = nil
        }
    }

    private mutating func connect(_ place: Int) async throws {
        let socket = try await gateway.enter(clients[place].user)
        clients[place].socket = socket
        clients[place].mustReadParticipants = true
        var request = ResumeRequest(cursor: clients[place].cursor)
        if request.cursor != nil {
            for view in clients[place].view.conversations { request.positions[view.conversation.id] = view.conversation.lastSequence }
        }
        try await gateway.subscribe(socket, request)
    }

    private mutating func take(_ place: Int) async throws {
        guard let socket = clients[place].socket else { return }
        for text in try await socket.sent() {
            guard case .object(let object)? = try? JSONParser.parse(Array(text.utf8)), let event = try Event(object, at: gateway.time.now())
            else { continue }
            if case .caughtUp(let cursor) = event { clients[place].cursor = ResumeCursor(cursor) }
            clients[place].view.apply(event)
        }
    }

    // MARK: The law

    private mutating func look(_ place: Int, after action: Action) async throws {
        try await take(place)
        guard clients[place].socket != nil, !clients[place].isSlow, clients[place].view.hasBegun else { return }
        let user = clients[place].user
        let wanted = try await fresh(user)
        let found = clients[place].view.conversations
        try same(
            Dictionary(uniqueKeysWithValues: found.map { ($0.conversation.id, $0) }),
            Dictionary(uniqueKeysWithValues: wanted.map { ($0.conversation.id, $0) }), "the conversations after \(action)")
        for view in wanted { try await lookAtParticipants(of: view, place, after: action) }
        clients[place].mustReadParticipants = false
    }

    private mutating func lookAtParticipants(of view: ConversationView, _ place: Int, after action: Action) async throws {
        let id = view.conversation.id
        let wanted = try await gateway.store.participants(of: id, limit: 100, cursor: nil).participants
        if clients[place].mustReadParticipants || clients[place].view.participants(of: id) == nil {
            clients[place].view.setParticipants(wanted, in: id, version: view.conversation.version)
        }
        let found = clients[place].view.participants(of: id) ?? []
        try same(
            found.map { "\($0.userID) \($0.role) \($0.lastReadSequence) \($0.lastDeliveredSequence)" },
            wanted.map { "\($0.userID) \($0.role) \($0.lastReadSequence) \($0.lastDeliveredSequence)" }, "the participants after \(action)")
    }

    private func same<Value: Equatable>(_ found: Value, _ wanted: Value, _ what: String) throws {
        guard found == wanted else { throw Broken(description: "\(what):\nfound  \(found)\nwanted \(wanted)") }
    }

    private struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    private func fresh(_ user: UserID) async throws -> [ConversationView] {
        try await gateway.conversations.list(limit: 200, cursor: nil, as: Caller(userID: user)).views
    }
}
