import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// P6 on a bus that loses, repeats, delays and reorders: a hundred clients in twenty conversations, which lose their
/// connections and stop reading at random, have each message exactly once and in order in the end. Everything but the
/// network is the real thing; time is moved by hand, and one seed decides what happens.
@Suite(.ownThread, .timeLimit(.minutes(5)))
struct HostileBusTests {
    @Test(arguments: 0..<5)
    func `each client's record is 1 to n in every conversation`(round: Int) async throws {
        try await withSeed { random in
            let seed = random.next()
            try await TestGateway.run { gateway in
                var run = HostileRun(gateway, seed: seed)
                try await run.settleIn()
                for _ in 0..<150 { try await run.step() }
                try await run.finish()
            }
        }
    }
}

private struct HostileRun {
    /// A client as a program would be: its records, and its connection while it has one.
    struct Client {
        let user: UserID
        var records: [ConversationID: [Int64]] = [:]
        var cursor: ResumeCursor?
        var socket: TestSocket?
        var isSlow = false
    }

    let gateway: TestGateway
    let bus: HostileEventBus
    var random: SeededGenerator
    var clients: [Client]
    var conversations: [(id: ConversationID, users: [UserID], sent: Int64)] = []
    var mark: ActivityMark?

    init(_ gateway: TestGateway, seed: UInt64) {
        self.gateway = gateway
        random = SeededGenerator(seed: seed)
        bus = HostileEventBus(seed: seed ^ 0xB05)
        bus.attach(gateway.hub)
        clients = Sample.users(100).map { Client(user: $0) }
    }

    mutating func settleIn() async throws {
        for _ in 0..<20 {
            let users = Array(clients.map(\.user).shuffled(using: &random).prefix(random.number(2...60)))
            conversations.append((try await gateway.group(users), users, 0))
        }
        gateway.time.advance(bySeconds: 60)
        for place in clients.indices { try await connect(place) }
    }

    mutating func step() async throws {
        for _ in 0..<random.number(1...6) { await send() }
        let place = random.number(0...clients.count - 1)
        switch random.number(0...5) {
        case 0, 1: try await disconnect(place)
        case 2: try await slowDown(place)
        default: break
        }
        for other in clients.indices where clients[other].socket == nil && random.oneIn(4) { try await connect(other) }
        for other in clients.indices where clients[other].isSlow && random.oneIn(5) { try await speedUp(other) }
        if random.oneIn(3) { try await look() }
        await gateway.wait(Int64(random.number(0...400)))
        for other in clients.indices { try await read(other) }
    }

    private mutating func send() async {
        let place = random.number(0...conversations.count - 1)
        let sender = random.pick(conversations[place].users)
        let count = random.oneIn(10) ? 150 : random.number(1...4)
        conversations[place].sent += Int64(count)
        let events = await gateway.store(count, in: conversations[place].id, from: sender)
        await bus.publish(events)
        await gateway.settle()
    }

    /// Resumes with what the client knows: all positions, or its cursor and what came since.
    private mutating func connect(_ place: Int) async throws {
        let socket = try await gateway.enter(clients[place].user)
        clients[place].socket = socket
        var request = ResumeRequest(cursor: clients[place].cursor)
        for (conversation, record) in clients[place].records { request.positions[conversation] = record.last }
        if request.cursor == nil {
            for (id, users, _) in conversations where users.contains(clients[place].user) {
                request.positions[id] = request.positions[id] ?? 0
            }
        }
        try await gateway.subscribe(socket, request)
    }

    /// What was written and not read is lost with the connection.
    private mutating func disconnect(_ place: Int) async throws {
        guard let socket = clients[place].socket else { return }
        try await read(place)
        try await socket.channel.close().get()
        clients[place].socket = nil
        clients[place].isSlow = false
    }

    private mutating func slowDown(_ place: Int) async throws {
        guard let socket = clients[place].socket, !clients[place].isSlow else { return }
        clients[place].isSlow = true
        try await socket.setWritable(false)
    }

    private mutating func speedUp(_ place: Int) async throws {
        clients[place].isSlow = false
        try await clients[place].socket?.setWritable(true)
        await gateway.settle()
    }

    /// What the hub's clock does.
    private mutating func look() async throws {
        let heads = try await gateway.resume.heads(after: mark)
        let cursor = mark == nil ? nil : ResumeCursor(mark: heads.mark, time: gateway.time.now())
        mark = heads.mark
        let part = gateway.part
        part.onLoop { part.learn(heads.sequences, cursor: cursor) }
        await gateway.settle()
    }

    private mutating func read(_ place: Int) async throws {
        guard let socket = clients[place].socket else { return }
        for text in try await socket.sent() { try take(text, place) }
        // The server closed it: silent for two heartbeats, or too slow.
        if !socket.channel.isActive { clients[place].socket = nil }
    }

    private mutating func take(_ text: String, _ place: Int) throws {
        if text.hasPrefix("close") {
            clients[place].socket = nil
            clients[place].isSlow = false
            return
        }
        guard case .object(let object)? = try? JSONParser.parse(Array(text.utf8)) else { return }
        if case .string(let cursor)? = object["cursor"] { clients[place].cursor = ResumeCursor(cursor) }
        guard case .object(let message)? = object["message"], case .string(let name)? = message["conversation_id"],
            let conversation = ConversationID(name), case .integer(let number)? = message["sequence_number"]
        else { return }
        let last = clients[place].records[conversation]?.last ?? 0
        guard number == last + 1 else { throw Broken("client \(place) has \(last) of \(conversation) and was told \(number)") }
        clients[place].records[conversation, default: []].append(number)
    }

    /// Everybody comes back and reads; then every record must be whole.
    mutating func finish() async throws {
        for _ in 0..<3 {
            for place in clients.indices {
                if clients[place].isSlow { try await speedUp(place) }
                if clients[place].socket == nil { try await connect(place) }
            }
            try await look()
            await gateway.wait(200)
            for place in clients.indices { try await read(place) }
        }
        for (id, users, sent) in conversations {
            for client in clients where users.contains(client.user) {
                let record = client.records[id] ?? []
                guard record == Array(stride(from: 1, through: sent, by: 1)) else {
                    throw Broken("a client has \(record.count) of \(sent) messages of a conversation")
                }
            }
        }
    }

    struct Broken: Error, CustomStringConvertible {
        let description: String
        init(_ description: String) { self.description = description }
    }
}
