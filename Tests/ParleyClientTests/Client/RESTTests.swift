import ParleyModel
import Synchronization
import Testing

@testable import ParleyClient

struct RESTTests {
    /// Answers every request alike and keeps what was asked.
    private final class Recorder: Sendable {
        let requests = Mutex<[FakeServer.Request]>([])
        let answers: Mutex<[(Int, String)]>

        init(_ answers: (Int, String)...) { self.answers = Mutex(answers) }

        var answer: FakeServer.Answer {
            { request in
                self.requests.withLock { $0.append(request) }
                return self.answers.withLock { $0.count > 1 ? $0.removeFirst() : $0[0] }
            }
        }

        var lines: [String] { requests.withLock { $0.map { "\($0.method) \($0.uri) \($0.body)" } } }
    }

    private func text(_ view: ConversationView) -> String {
        var json = JSONWriter()
        view.write(to: &json, at: start)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    private func client(_ recorder: Recorder) async throws -> (ParleyClient, FakeServer) {
        let server = try await FakeServer.start(answer: recorder.answer)
        return (try ParleyClient(.quick(server.url)), server)
    }

    @Test func `conversations are read page by page`() async throws {
        let recorder = Recorder(
            (200, #"{"conversations":[\#(text(view(last: 3)))],"next_cursor":"a+b/c="}"#),
            (200, #"{"conversations":[\#(text(view(work)))],"next_cursor":null}"#))
        let (client, _) = try await client(recorder)
        #expect(try await client.allConversations() == [view(last: 3), view(work)])
        #expect(recorder.lines == ["GET /v1/conversations?limit=200 ", "GET /v1/conversations?limit=200&cursor=a%2Bb%2Fc%3D "])
        #expect(recorder.requests.withLock { $0[0].token } == "Bearer token")
    }

    @Test func `history, participants and receipts`() async throws {
        let page = MessagePage(messages: [message(4)], hasMore: true, lastSequence: 9)
        let history = Recorder((200, String(decoding: page.json, as: UTF8.self)))
        let (first, _) = try await client(history)
        #expect(try await first.history(of: home, .after(3), limit: 1) == page)
        #expect(history.lines == ["GET /v1/conversations/\(home)/messages?after_sequence=3&limit=1 "])

        let entry = participant(ben, .admin, read: 3, delivered: 4)
        let list = Recorder((200, #"{"participants":[\#(String(decoding: entry.json, as: UTF8.self))],"next_cursor":"n"}"#))
        let (second, _) = try await client(list)
        #expect(try await second.participants(of: home) == ParticipantPage(participants: [entry], nextCursor: "n"))

        let counts = Recorder((200, #"{"sequence_number":4,"read_count":1,"delivered_count":2}"#))
        let (third, _) = try await client(counts)
        #expect(try await third.receipts(of: home, at: 4) == ReceiptCounts(sequenceNumber: 4, readCount: 1, deliveredCount: 2))
    }

    @Test func `conversations are made and changed`() async throws {
        let recorder = Recorder((201, text(view())))
        let (client, _) = try await client(recorder)
        #expect(try await client.createDirect(with: ben) == view())
        #expect(try await client.createGroup(title: "Home", with: [ben]) == view())
        #expect(try await client.rename(home, to: nil) == view())
        try await client.removeParticipant(ben, from: home)
        #expect(
            recorder.lines == [
                #"POST /v1/conversations {"type":"direct","participant_ids":["\#(ben)"]}"#,
                #"POST /v1/conversations {"type":"group","title":"Home","participant_ids":["\#(ben)"]}"#,
                #"PATCH /v1/conversations/\#(home) {"title":null}"#,
                "DELETE /v1/conversations/\(home)/participants/\(ben) ",
            ])
    }

    @Test func `participants, mutes and levels are set`() async throws {
        let entry = participant(ben, .admin)
        let recorder = Recorder(
            (200, String(decoding: entry.json, as: UTF8.self)), (200, #"{"muted":true,"muted_until":"2026-01-01T00:00:00.000Z"}"#),
            (200, #"{"muted":false,"muted_until":null}"#), (200, #"{"notification_level":"mentions"}"#))
        let (client, _) = try await client(recorder)
        #expect(try await client.setParticipant(ben, in: home, role: .admin) == entry)
        #expect(try await client.mute(home, until: start).until == start)
        #expect(try await !client.unmute(home).muted)
        try await client.setNotificationLevel(.mentions, of: home)
        #expect(
            recorder.lines == [
                #"PUT /v1/conversations/\#(home)/participants/\#(ben) {"role":"admin"}"#,
                #"PUT /v1/conversations/\#(home)/mute {"until":"2026-01-01T00:00:00.000Z"}"#,
                "DELETE /v1/conversations/\(home)/mute ",
                #"PUT /v1/conversations/\#(home)/notifications {"level":"mentions"}"#,
            ])
    }

    @Test func `media are made and read`() async throws {
        let picture = Media(
            id: MediaID("d0000000-0000-4000-8000-000000000001")!, ownerID: me, kind: .image, name: "harbour.jpg", size: 482_133,
            contentType: "image/jpeg", url: "https://media.example.com/harbour.jpg", width: 2048, height: 1365, durationMilliseconds: nil,
            createdAt: start)
        let recorder = Recorder((201, String(decoding: picture.json, as: UTF8.self)))
        let (client, _) = try await client(recorder)
        let outgoing = OutgoingMedia(
            .image, name: picture.name, size: picture.size, contentType: picture.contentType, url: picture.url, width: 2048, height: 1365)
        #expect(try await client.createMedia(outgoing) == picture)
        #expect(try await client.media(picture.id) == picture)
        let body =
            #"{"kind":"image","name":"harbour.jpg","size":482133,"content_type":"image/jpeg","#
            + #""url":"https://media.example.com/harbour.jpg","width":2048,"height":1365,"duration_ms":null}"#
        #expect(recorder.lines == ["POST /v1/media \(body)", "GET /v1/media/\(picture.id) "])
    }

    @Test func `a message with media is sent over REST as over the socket`() async throws {
        let recorder = Recorder((201, String(decoding: message(1, from: me).json, as: UTF8.self)))
        let (client, _) = try await client(recorder)
        let id = MediaID("d0000000-0000-4000-8000-000000000001")!
        let outgoing = OutgoingMessage(to: home, "Look!", type: .image, mediaIDs: [id], clientMessageID: "k")
        #expect(try await client.createMessage(outgoing) == message(1, from: me))
        let members =
            #""conversation_id":"\#(home)","message_type":"image","content":"Look!","media_ids":["\#(id)"],"client_message_id":"k"}"#
        #expect(recorder.lines == ["POST /v1/messages {\(members)"])
        #expect(String(decoding: CommandText.request(7, .send(outgoing)), as: UTF8.self) == #"{"id":7,"type":"send",\#(members)"#)
    }

    @Test func `a refusal tells its code, also one that no Parley wrote`() async throws {
        let recorder = Recorder(
            (403, #"{"code":"role_forbids","detail":"no","retryable":false,"status":403}"#), (502, "<html>bad gateway</html>"))
        let (client, _) = try await client(recorder)
        await #expect(throws: ClientError.refused(Refusal(code: "role_forbids", detail: "no", isRetryable: false))) {
            try await client.conversation(home)
        }
        await #expect(throws: ClientError.refused(Refusal(code: "http_502", detail: "HTTP status 502", isRetryable: true))) {
            try await client.conversation(home)
        }
    }

    @Test func `an expired token is replaced, once`() async throws {
        let refusal = (401, #"{"code":"token_expired","detail":"no","retryable":false}"#)
        let recorder = Recorder(refusal, (200, text(view())), refusal)
        let server = try await FakeServer.start(answer: recorder.answer)
        let count = Counter()
        var configuration = ParleyClient.Configuration.quick(server.url)
        configuration.token = { "\(count.next())" }
        let client = try ParleyClient(configuration)
        #expect(try await client.conversation(home) == view())
        await #expect(throws: ClientError.self) { try await client.conversation(home) }
        #expect(recorder.requests.withLock { $0.map(\.token) } == ["Bearer 1", "Bearer 2", "Bearer 2", "Bearer 3"])
    }
}

struct ServerAddressTests {
    @Test(arguments: [
        ("http://localhost:8080", "localhost:8080", ""), ("https://chat.example.com/", "chat.example.com", ""),
        ("https://chat.example.com:8443/parley/", "chat.example.com:8443", "/parley"), ("http://[::1]:80/a", "[::1]", "/a"),
        ("https://host:443", "host", ""),
    ])
    func `an address is read`(text: String, authority: String, path: String) throws {
        let address = try ServerAddress(text)
        #expect(address.authority == authority && address.path == path)
        #expect(address.url("/v1/ping").hasSuffix(authority + path + "/v1/ping"))
    }

    @Test(arguments: [
        "", "localhost:8080", "ftp://host", "http://", "http://host:0", "http://host:99999", "http://user@host", "http://::1", "http://h?q",
        "http://:80",
    ])
    func `what is none is refused`(text: String) {
        #expect(throws: ClientError.invalidAddress(text)) { try ServerAddress(text) }
    }
}
