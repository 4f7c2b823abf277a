import Foundation
import ParleyClient
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

/// P6 over real sockets, with the real server, its SQLite and the Swift client, on a bus that loses, repeats, delays and
/// reorders every kind of event. (`ParleyGatewayTests` does the same with a hundred clients and time moved by hand.)
@Suite(.timeLimit(.minutes(5)))
struct HostileBusTests {
    private static let users = 8
    private static let messagesPerUser = 25

    @Test func `clients that come and go have every message once and in order`() async throws {
        try await withSeed { random in
            let (seed, lives) = (random.next(), (0..<Self.users).map { _ in (0..<4).map { _ in random.number(5...60) } })
            try await TestServer.run(bus: HostileEventBus(seed: seed)) { server in
                let users = Sample.users(Self.users)
                let owner = try await server.client(users[0])
                let conversations = try await Self.conversations(of: users, as: owner)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for (place, user) in users.enumerated() {
                        let conversation = conversations[place % conversations.count]
                        group.addTask { try await Self.send(as: user, in: conversation, server) }
                        group.addTask {
                            var record = try Record(conversations)
                            try await record.hear(user, lives[place], server, total: Self.users * Self.messagesPerUser)
                        }
                    }
                    try await group.waitForAll()
                }
            }
        }
    }

    private static func conversations(of users: [UserID], as owner: ParleyClient) async throws -> [ConversationID] {
        var conversations: [ConversationID] = []
        for number in 0..<3 {
            conversations.append(try await owner.createGroup(title: "\(number)", with: Array(users.dropFirst())).conversation.id)
        }
        return conversations
    }

    private static func send(as user: UserID, in conversation: ConversationID, _ server: TestServer) async throws {
        let client = try await server.client(user)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await client.run() }
            for number in 0..<messagesPerUser { try await client.send(OutgoingMessage(to: conversation, "Message \(number)")) }
            group.cancelAll()
        }
    }
}

/// What one user's clients heard, one after the other; each goes on where the last one stopped reading.
private struct Record {
    struct Broken: Error, CustomStringConvertible {
        let description: String
    }

    private var last: [ConversationID: Int64]
    private var count = 0
    private var resume: ResumeState

    /// From the first message on, whatever was sent before the client came.
    init(_ conversations: [ConversationID]) throws {
        last = Dictionary(uniqueKeysWithValues: conversations.map { ($0, 0) })
        let positions = conversations.map { "\"\($0)\":0" }.joined(separator: ",")
        resume = try JSONDecoder().decode(ResumeState.self, from: Data("{\"positions\":{\(positions)},\"covered\":{}}".utf8))
    }

    /// Hears that many events in each life, and in the last one all that is left.
    mutating func hear(_ user: UserID, _ lives: [Int], _ server: TestServer, total: Int) async throws {
        for life in lives { try await hear(user, server, events: life, total: total) }
        try await hear(user, server, events: .max, total: total)
    }

    private mutating func hear(_ user: UserID, _ server: TestServer, events limit: Int, total: Int) async throws {
        let client = try await server.client(user, from: resume)
        let running = Task { try await client.run() }
        defer { running.cancel() }
        var heard = 0
        var iterator = client.events.makeAsyncIterator()
        while count < total, heard < limit, let event = await iterator.next() {
            heard += 1
            try take(event)
            resume.note(event)
        }
    }

    private mutating func take(_ event: Event) throws {
        guard case .message(let message) = event else { return }
        let (id, number) = (message.message.conversationID, message.message.sequenceNumber)
        guard number == (last[id] ?? 0) + 1 else { throw Broken(description: "after \(last[id] ?? 0) came \(number)") }
        last[id] = number
        count += 1
    }
}
