import ParleyModel
import Testing

@testable import ParleyClient

/// What the real server makes of what the client says.
@Suite(.enabled(if: RealServer.binary != nil, "TEST_PARLEY_BINARY names no server"), .timeLimit(.minutes(3)))
struct RealServerCallTests {
    @Test func `media come with the messages that name them, over the socket and over REST`() async throws {
        let server = try await RealServer()
        defer { server.remove() }
        let sender = try await server.client(of: me)
        let hearer = try await server.client(of: ben)
        try await withRunning(sender) {
            try await withRunning(hearer) {
                for await state in hearer.states where state == .live { break }
                let home = try await sender.createGroup(title: "Home", with: [ben]).conversation.id
                let picture = try await sender.createMedia(
                    OutgoingMedia(
                        .image, name: "harbour.jpg", size: 482_133, contentType: "image/jpeg", url: "https://media.example.com/h.jpg",
                        width: 2048, height: 1365))
                #expect(picture.ownerID == me && picture.name == "harbour.jpg" && picture.width == 2048)
                let sent = try await sender.send(OutgoingMessage(to: home, "", type: .image, mediaIDs: [picture.id]))
                #expect(sent.media == [picture])
                let other = OutgoingMessage(to: home, "Again", type: .image, mediaIDs: [picture.id])
                let posted = try await sender.createMessage(other)
                #expect(try await sender.createMessage(other) == posted)
                var heard: [EnrichedMessage] = []
                for await case .message(let message) in hearer.events {
                    heard.append(message)
                    if heard.count == 2 { break }
                }
                #expect(heard == [sent, posted])
                #expect(try await hearer.media(picture.id) == picture)
            }
        }
    }

    @Test func `the server takes what it is told of activity, and says until when`() async throws {
        let server = try await RealServer()
        defer { server.remove() }
        let client = try await server.client(of: me)
        try await withRunning(client) {
            for await state in client.states where state == .live { break }
            for isActive in [true, false, true] { await client.setActive(isActive) }
            while await client.machine.activity.expiryMilliseconds != 120_000 { try await Task.sleep(for: .milliseconds(20)) }
        }
    }

    @Test func `thousands of conversations and a cursor that is none are no obstacle`() async throws {
        let server = try await RealServer()
        defer { server.remove() }
        let sender = try await server.client(of: me)
        while (try? await sender.conversations()) == nil { try await Task.sleep(for: .milliseconds(50)) }
        let home = try await sender.createGroup(title: "Home", with: [ben]).conversation.id
        try await sender.createMessage(OutgoingMessage(to: home, "one"))
        try await sender.createMessage(OutgoingMessage(to: home, "two"))
        let hearer = try await server.client(of: ben) { configuration in
            configuration.conversationIDs = (0..<2500).map { _ in ConversationID.random() } + [home]
            configuration.resume.note(.caughtUp(cursor: "yesterday"))
            configuration.resume.note(.message(message(1, in: home)))
        }
        try await withRunning(hearer) {
            var states: [ConnectionState] = []
            for await state in hearer.states {
                states.append(state)
                if state == .live { break }
            }
            #expect(states == [.connecting, .startingAnew, .catchingUp, .live])
            var events = hearer.events.makeAsyncIterator()
            #expect(await events.nextNumber() == 2)
        }
    }
}
