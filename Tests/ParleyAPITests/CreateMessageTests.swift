import HTTPTypes
import ParleyModel
import ParleyTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct CreateMessageTests {
    static let types = ["text", "image", "video", "audio", "document", "location", "contact", "poll", "x-order.v2_final"]

    @Test(arguments: types)
    func `a message of every type is stored and answered with its number`(type: String) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            try await parley.send("before", in: path)
            let body: JSONValue = ["message_type": .string(type), "content": "42.5,13.4", "client_message_id": "key 1"]
            let answer = try await parley.call(.post, path + "/messages", as: ben, body)
            #expect(answer.status == 201)
            #expect(answer.headers[.contentType] == "application/json")
            #expect(
                answer.json.names == [
                    "id", "conversation_id", "sender_id", "client_message_id", "message_type", "content", "media_ids", "media",
                    "sequence_number", "created_at",
                ])
            #expect(MessageID(try answer.string("id")) != nil)
            #expect("/v1/conversations/" + (try answer.string("conversation_id")) == path)
            #expect(answer["sender_id"] == .id(ben))
            #expect(answer["client_message_id"] == "key 1")
            #expect(answer["message_type"] == .string(type))
            #expect(answer["content"] == "42.5,13.4")
            #expect(answer["media_ids"] == [])
            #expect(answer["media"] == [])
            #expect(answer["sequence_number"] == 2)
            #expect(answer["created_at"] == "2026-01-01T00:00:00.000Z")
            let page = try await parley.call(.get, path + "/messages", as: ada)
            #expect(page["messages"]?.items.last == answer.json)
        }
    }

    @Test(arguments: ["image", "video", "audio", "document"])
    func `a message that shows media needs no content`(type: String) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let image = try await parley.registerImage()
            let answer = try await parley.call(
                .post, path + "/messages", as: ada, ["message_type": .string(type), "media_ids": [.string(image)]])
            #expect(answer.status == 201)
            #expect(answer["content"] == "")
            #expect(answer["media_ids"] == [.string(image)])
        }
    }

    @Test func `the route without a conversation in its path takes it from the body, in either case`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let id = String(path.dropFirst("/v1/conversations/".count))
            let first = try await parley.call(.post, "/v1/messages", as: ada, Body.text("Hello").with("conversation_id", .string(id)))
            let second = try await parley.call(
                .post, "/v1/messages", as: ben, Body.text("Hello").with("conversation_id", .string(id.uppercased())))
            #expect(first.status == 201)
            #expect(second.status == 201)
            #expect(second["conversation_id"] == .string(id))
            #expect(second["sequence_number"] == 2)
        }
    }

    @Test func `each conversation counts from 1`() async throws {
        try await Parley.run { parley in
            let one = try await parley.direct(ada, ben)
            let other = try await parley.direct(ada, cleo)
            for number in 1...3 {
                #expect(try await parley.send(in: one)["sequence_number"] == .integer(Int64(number)))
                #expect(try await parley.send(in: other)["sequence_number"] == .integer(Int64(number)))
            }
        }
    }

    @Test func `text comes back exactly as it was sent`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let text = "tab\t newline\n quote\" slash\\ null-ish \u{1} e\u{301} \u{E9} 👩‍👩‍👧‍👦 <script>&amp; \u{2028} \u{10FFFF}"
            let answer = try await parley.send(text, in: path)
            #expect(answer["content"]?.text?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        }
    }

    @Test func `10,000 code points are taken, however many bytes they are`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            try await parley.send(String(repeating: "😀", count: 10_000), in: path)
        }
    }

    @Test func `unknown fields are ignored, and null counts as absent`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let body = Body.text("Hello").with("mood", ["level": 3]).with("client_message_id", .null).with("media_ids", .null).with(
                "sender_id", .null)
            let answer = try await parley.call(.post, path + "/messages", as: ada, body)
            #expect(answer.status == 201)
            #expect(answer["client_message_id"] == .null)
        }
    }

    // MARK: Once (P3)

    @Test func `a repeat gets the first answer with 200 (P3)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let first = try await parley.send("Hello", in: path, key: "key")
            try await parley.send("Meanwhile", in: path)
            parley.time.advance(bySeconds: 86_400 * 365)
            for _ in 1...3 {
                let again = try await parley.call(.post, path + "/messages", as: ada, Body.text("Hello", key: "key"))
                #expect(again.status == 200)
                #expect(again.bytes == first.bytes)
            }
            #expect(try await parley.numbers(path) == [1, 2])
        }
    }

    @Test func `a repeat of a message with media gets the first answer with 200 (P3)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let image = try await parley.registerImage()
            let body: JSONValue = ["message_type": "image", "media_ids": [.string(image)], "client_message_id": "key"]
            let first = try await parley.call(.post, path + "/messages", as: ada, body)
            let again = try await parley.call(.post, path + "/messages", as: ada, body)
            #expect(first.status == 201)
            #expect(again.status == 200)
            #expect(again.bytes == first.bytes)
        }
    }

    @Test func `a repeat that says something else is refused and changes nothing (P3)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let images = [try await parley.registerImage(), try await parley.registerImage()]
            let body: JSONValue = [
                "message_type": "image", "content": "caf\u{E9}", "media_ids": [.string(images[0])], "client_message_id": "key",
            ]
            let first = try await parley.call(.post, path + "/messages", as: ada, body)
            #expect(first.status == 201)
            let before = try await parley.state(of: path)
            let others = [
                body.with("message_type", "document"), body.with("content", "cafe"), body.with("content", "cafe\u{301}"),
                body.with("content", nil), body.with("media_ids", [.string(images[1])]), body.with("media_ids", nil),
                body.with("media_ids", [.string(images[0]), .string(images[1])]),
            ]
            for other in others {
                let answer = try await parley.call(.post, path + "/messages", as: ada, other)
                expect(answer, refuses: .clientMessageIDReused, nil, "\(other)")
            }
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.call(.post, path + "/messages", as: ada, body).status == 200)
        }
    }

    @Test func `a key belongs to one sender in one conversation (P3)`() async throws {
        try await Parley.run { parley in
            let one = try await parley.direct(ada, ben)
            let other = try await parley.direct(ada, cleo)
            let ids = [
                try await parley.send(in: one, as: ada, key: "key").string("id"),
                try await parley.send(in: one, as: ben, key: "key").string("id"),
                try await parley.send(in: other, as: ada, key: "key").string("id"),
                try await parley.send(in: one, as: ada, key: "KEY").string("id"),
            ]
            #expect(Set(ids).count == 4)
        }
    }

    @Test func `without a key each create is a new message`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let ids = [try await parley.send(in: path).string("id"), try await parley.send(in: path).string("id")]
            #expect(Set(ids).count == 2)
            #expect(try await parley.numbers(path) == [1, 2])
        }
    }

    // MARK: Who sends

    @Test func `sender_id may name the token's user, in either case, and nobody else`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let own = Body.text("Hello").with("sender_id", .string(ada.description.uppercased()))
            #expect(try await parley.call(.post, path + "/messages", as: ada, own).status == 201)
            let before = try await parley.state(of: path)
            let answer = try await parley.call(.post, path + "/messages", as: ada, Body.text("Hello").with("sender_id", .id(ben)))
            expect(answer, refuses: .senderMismatch)
            #expect(try await parley.state(of: path) == before)
        }
    }
}
