import HTTPTypes
import ParleyModel
import ParleyTesting
import Testing

/// A user's list: newest activity first, with previews, by cursor pages.
@Suite(.timeLimit(.minutes(1)))
struct ConversationListTests {
    @Test func `the newest activity comes first, with the last message and the user's own counts`() async throws {
        try await Parley.run { parley in
            let one = try await parley.direct(ada, ben)
            parley.time.advance(bySeconds: 1)
            let other = try await parley.direct(ada, cleo)
            #expect(
                try await parley.call(.get, "/v1/conversations", as: ada).conversationIDs.map { "/v1/conversations/" + $0 } == [other, one])
            parley.time.advance(bySeconds: 1)
            let message = try await parley.send("Good morning", in: one, as: ben)
            let list = try await parley.call(.get, "/v1/conversations", as: ada)
            #expect(list.conversationIDs.map { "/v1/conversations/" + $0 } == [one, other])
            #expect(list["next_cursor"] == .null)
            let first = try #require(list["conversations"]?.items.first)
            #expect(first["last_message_id"] == message["id"])
            #expect(first["last_message_at"] == "2026-01-01T00:00:02.000Z")
            #expect(first["last_message_preview"] == "Good morning")
            #expect(first["last_sequence"] == 1)
            #expect(first["unread_count"] == 1)
            #expect(first["last_read_sequence"] == 0)
            let bens = try await parley.call(.get, "/v1/conversations", as: ben)
            #expect(bens["conversations"]?.items.first?["unread_count"] == 0)
            #expect(bens.conversationIDs.count == 1)
        }
    }

    static let previews: [(type: String, content: String, images: Int, preview: String)] = [
        ("text", "Hello", 0, "Hello"), ("text", "one\ntwo\r\nthree", 0, "one two three"),
        ("text", String(repeating: "a", count: 100), 0, String(repeating: "a", count: 100)),
        ("text", String(repeating: "a", count: 101), 0, String(repeating: "a", count: 100) + "..."),
        ("text", String(repeating: "👩‍👩‍👧‍👦", count: 101), 0, String(repeating: "👩‍👩‍👧‍👦", count: 100) + "..."),
        ("image", "at the sea", 0, "📷 Photo"), ("image", "", 1, "📷 Photo"), ("image", "", 3, "📷 3 photos"), ("video", "v", 0, "🎥 Video"),
        ("audio", "a", 0, "🎵 Audio"), ("document", "d", 0, "📄 Document"), ("location", "52.5,13.4", 0, "📍 Location"),
        ("contact", "Ben", 0, "👤 Contact"), ("poll", "Tea?", 0, "Message"),
    ]

    @Test(arguments: previews)
    func `the list shows a message by its preview`(_ type: String, _ content: String, _ images: Int, _ preview: String) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            var ids: [JSONValue] = []
            for _ in 0..<images { ids.append(.string(try await parley.registerImage())) }
            let body: JSONValue = ["message_type": .string(type), "content": .string(content), "media_ids": .array(ids)]
            #expect(try await parley.call(.post, path + "/messages", as: ada, body).status == 201)
            #expect(
                try await parley.call(.get, "/v1/conversations", as: ben)["conversations"]?.items.first?["last_message_preview"]
                    == .string(preview))
            #expect(try await parley.call(.get, path, as: ben)["last_message_preview"] == .string(preview))
        }
    }

    @Test func `pages neither skip nor repeat while messages arrive`() async throws {
        try await Parley.run { parley in
            let others = Sample.users(45)
            var paths: [String] = []
            for other in others {
                paths.append(try await parley.direct(ada, other))
                parley.time.advance(bySeconds: 1)
            }
            var seen: [String] = []
            var cursor: String?
            repeat {
                let page = try await parley.call(.get, "/v1/conversations?limit=10" + (cursor.map { "&cursor=\($0)" } ?? ""), as: ada)
                #expect(page.status == 200)
                seen += page.conversationIDs
                cursor = page["next_cursor"]?.text
                // Activity in what was shown and in what is still to come, and a new conversation.
                for place in [0, 20, 30, 44] { try await parley.send(in: paths[place], as: others[place]) }
                parley.time.advance(bySeconds: 1)
                _ = try await parley.direct(.random(), ada)
            } while cursor != nil
            let expected = paths.reversed().map { String($0.dropFirst("/v1/conversations/".count)) }
            #expect(seen.filter(expected.contains) == expected)
            #expect(Set(seen).count == seen.count)
        }
    }

    @Test func `conversations of one and the same moment are all listed once`() async throws {
        try await Parley.run { parley in
            for other in Sample.users(7) { _ = try await parley.direct(ada, other) }
            var seen: [String] = []
            var query = "?limit=2"
            while !query.isEmpty {
                let page = try await parley.call(.get, "/v1/conversations" + query, as: ada)
                seen += page.conversationIDs
                query = page["next_cursor"]?.text.map { "?limit=2&cursor=\($0)" } ?? ""
            }
            #expect(seen.count == 7)
            #expect(Set(seen).count == 7)
        }
    }

    @Test(arguments: [
        ("limit=0", ErrorCode.invalidParameter), ("limit=201", .invalidParameter), ("limit=x", .invalidParameter),
        ("cursor=x", .invalidCursor),
        ("cursor=", .invalidCursor), ("cursor=99_99_x", .invalidCursor), ("cursor=a&cursor=b", .invalidParameter),
    ])
    func `a wrong parameter is refused`(_ query: String, _ code: ErrorCode) async throws {
        try await Parley.run { parley in
            expect(try await parley.call(.get, "/v1/conversations?" + query, as: ada), refuses: code)
        }
    }
}
