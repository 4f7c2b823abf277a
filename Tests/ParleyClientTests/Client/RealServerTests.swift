import Foundation
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyClient

/// The client against the real server, which is killed and started again all the while.
@Suite(.enabled(if: RealServer.binary != nil, "TEST_PARLEY_BINARY names no server"), .timeLimit(.minutes(3)))
struct RealServerTests {
    /// What the reader of one client has seen.
    private final class Reader: Sendable {
        let numbers = Mutex<[Int64]>([])
        let view: Mutex<LocalView>

        init(_ user: UserID) { view = Mutex(LocalView(user: user)) }

        func follow(_ client: ParleyClient) async {
            for await event in client.events {
                if case .message(let message) = event { numbers.withLock { $0.append(message.message.sequenceNumber) } }
                view.withLock { $0.apply(event) }
            }
        }

        var last: Int64 { numbers.withLock { $0.last ?? 0 } }
    }

    @Test func `each message is stored once and comes once, and the view equals a fresh snapshot, over kill -9`() async throws {
        let server = try await RealServer()
        defer { server.remove() }
        let sender = try await server.client(of: me)
        let hearer = try await server.client(of: ben)
        let reader = Reader(ben)
        let count: Int64 = 300
        try await withRunning(sender) {
            try await withRunning(hearer) {
                async let _ = reader.follow(hearer)
                async let _ = drain(sender)
                for await state in hearer.states where state == .live { break }
                let group = try await sender.createGroup(title: "Home", with: [ben]).conversation
                reader.view.withLock { $0.begin(with: []) }
                reader.view.withLock { $0.restart() }
                let snapshot = try await hearer.allConversations()
                let list = try await hearer.participants(of: group.id)
                reader.view.withLock { view in
                    view.begin(with: snapshot)
                    _ = view.setParticipants(list.participants, in: group.id, version: group.version)
                }

                async let kills: Void = Self.kill(server, times: 5)
                for number in 1...count {
                    let stored = try await sender.send(OutgoingMessage(to: group.id, "text \(number)"))
                    #expect(stored.message.sequenceNumber == number)
                    if number % 7 == 0 { try await hearer.markRead(group.id, through: number - 3) }
                    if number % 50 == 0 { try await Self.change(sender, group.id, number) }
                }
                try await kills
                try await eventually { reader.last >= count }
                #expect(reader.numbers.withLock { $0 } == Array(1...count))
                try await Self.expectFresh(reader, hearer, group.id)
            }
        }
    }

    private static func kill(_ server: RealServer, times: Int) async throws {
        for _ in 0..<times {
            try await Task.sleep(for: .milliseconds(700))
            server.kill()
            try await Task.sleep(for: .milliseconds(300))
            try server.start()
        }
    }

    /// Titles and roles change over REST, which may find the server dead.
    private static func change(_ client: ParleyClient, _ id: ConversationID, _ number: Int64) async throws {
        try await again { try await client.rename(id, to: "Title \(number)") }
        try await again { try await client.setParticipant(ben, in: id, role: number % 100 == 0 ? .member : .admin) }
        try await again { try await client.setParticipant(eve, in: id) }
    }

    private static func again(_ call: () async throws -> some Sendable) async throws {
        while true {
            do {
                _ = try await call()
                return
            } catch ClientError.connectionFailed {
                try await Task.sleep(for: .milliseconds(50))
            }
        }
    }

    /// Compares until what is still on its way has come.
    private static func expectFresh(_ reader: Reader, _ client: ParleyClient, _ id: ConversationID) async throws {
        var fresh = try await client.conversation(id)
        for _ in 0..<100 where reader.view.withLock({ $0.conversation(id) }) != fresh {
            try await Task.sleep(for: .milliseconds(50))
            fresh = try await client.conversation(id)
        }
        #expect(reader.view.withLock { $0.conversation(id) } == fresh)
        #expect(reader.view.withLock { $0.needsRefresh }.isEmpty)
        let list = try await client.participants(of: id).participants
        let known = reader.view.withLock { $0.participants(of: id) } ?? []
        #expect(known.map(\.userID) == list.map(\.userID) && known.map(\.role) == list.map(\.role))
        #expect(known.first { $0.userID == ben }?.lastReadSequence == list.first { $0.userID == ben }?.lastReadSequence)
    }

    private func drain(_ client: ParleyClient) async {
        for await _ in client.events {}
    }
}
