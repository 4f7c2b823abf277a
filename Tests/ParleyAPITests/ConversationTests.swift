import HTTPTypes
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ConversationTests {
    private static let names = [
        "id", "type", "title", "created_by", "created_at", "participant_ids", "participant_count", "role", "muted", "muted_until",
        "notification_level",
        "last_message_id", "last_message_at", "last_message_preview", "last_sequence", "unread_count", "last_read_sequence",
        "version",
    ]

    @Test func `a direct conversation is made once for a pair, whoever asks`() async throws {
        try await Parley.run { parley in
            let first = try await parley.call(.post, "/v1/conversations", as: ada, ["type": "direct", "participant_ids": .ids([ben])])
            #expect(first.status == 201)
            #expect(first.json.names == Self.names)
            #expect(first["type"] == "direct")
            #expect(first["title"] == .null)
            #expect(first["created_by"] == .id(ada))
            #expect(first["participant_ids"] == .ids([ada, ben].sorted()))
            #expect(first["participant_count"] == 2)
            #expect(first["role"] == "member")
            #expect(first["muted"] == false)
            #expect(first["last_message_id"] == .null)
            #expect(first["last_sequence"] == 0)
            #expect(first["unread_count"] == 0)
            parley.time.advance(bySeconds: 60)
            let again = try await parley.call(.post, "/v1/conversations", as: ada, ["type": "direct", "participant_ids": .ids([ben])])
            #expect(again.status == 200)
            #expect(again.bytes == first.bytes)
            let other = try await parley.call(.post, "/v1/conversations", as: ben, ["type": "direct", "participant_ids": .ids([ada])])
            #expect(other.status == 200)
            #expect(other["id"] == first["id"])
            #expect(try await parley.direct(ada, cleo) != parley.direct(ada, ben))
        }
    }

    @Test func `a group has its creator as owner and the others as members, each once`() async throws {
        try await Parley.run { parley in
            let body: JSONValue = ["type": "group", "title": "Trip 🚂", "participant_ids": .ids([ben, cleo, ada])]
            let answer = try await parley.call(.post, "/v1/conversations", as: ada, body)
            #expect(answer.status == 201)
            #expect(answer.json.names == Self.names)
            #expect(answer["title"] == "Trip 🚂")
            #expect(answer["participant_ids"] == .null)
            #expect(answer["participant_count"] == 3)
            #expect(answer["role"] == "owner")
            let path = "/v1/conversations/" + (try answer.string("id"))
            #expect(try await parley.call(.get, path, as: ada).bytes == answer.bytes)
            #expect(try await parley.call(.get, path, as: cleo)["role"] == "member")
            let again = try await parley.call(.post, "/v1/conversations", as: ada, body)
            #expect(again.status == 201)
            #expect(again["id"] != answer["id"])
        }
    }

    static let wrong: [(JSONValue, ErrorCode)] = [
        ([:], .missingField), (["participant_ids": .ids([ben])], .missingField),
        (["type": "channel", "participant_ids": .ids([ben])], .invalidField),
        (["type": 5, "participant_ids": .ids([ben])], .invalidField), (["type": "direct"], .missingField),
        (["type": "direct", "participant_ids": []], .invalidField), (["type": "direct", "participant_ids": .ids([ada])], .invalidField),
        (["type": "direct", "participant_ids": .ids([ben, cleo])], .invalidField),
        (["type": "direct", "participant_ids": .id(ben)], .invalidField),
        (["type": "direct", "participant_ids": ["ben"]], .invalidField), (["type": "direct", "participant_ids": [5]], .invalidField),
        (["type": "direct", "participant_ids": .ids([ben]), "title": "Us"], .invalidField),
        (["type": "group", "participant_ids": .ids([ben, cleo, ben])], .invalidField),
        (["type": "group", "title": "", "participant_ids": .ids([ben])], .invalidField), (["type": "group", "title": 5], .invalidField),
        (["type": "group", "title": "a\u{0}b"], .invalidField),
        (["type": "group", "title": .string(String(repeating: "a", count: 201))], .invalidField),
        (["type": "group", "participant_ids": .ids(Sample.users(1001))], .invalidField),
    ]

    @Test(arguments: wrong)
    func `a conversation that cannot be is refused and nothing is made`(_ body: JSONValue, _ code: ErrorCode) async throws {
        try await Parley.run { parley in
            expect(try await parley.call(.post, "/v1/conversations", as: ada, body), refuses: code)
            for user in [ada, ben] { #expect(try await parley.call(.get, "/v1/conversations", as: user)["conversations"] == []) }
            let good: [JSONValue] = [
                ["type": "direct", "participant_ids": .ids([ben])], ["type": "group"],
                ["type": "group", "title": .string(String(repeating: "é", count: 200)), "participant_ids": .ids(Sample.users(1000))],
            ]
            for body in good { #expect(try await parley.call(.post, "/v1/conversations", as: ada, body).status == 201) }
        }
    }

    @Test func `a group is renamed for everybody, and null takes the title away`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            let renamed = try await parley.call(.patch, path, as: ada, ["title": "Trip"])
            #expect(renamed.status == 200)
            #expect(renamed["title"] == "Trip")
            #expect(try await parley.call(.get, path, as: ben)["title"] == "Trip")
            let before = try await parley.state(of: path)
            for (body, code) in [
                ([:], .missingField), (["title": ""], .invalidField), (["title": 5], .invalidField), (["title": "a\u{0}"], .invalidField),
                (["title": .string(String(repeating: "a", count: 201))], .invalidField),
            ] as [(JSONValue, ErrorCode)] {
                expect(try await parley.call(.patch, path, as: ada, body), refuses: code)
            }
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.call(.patch, path, as: ada, ["title": .null])["title"] == .null)
        }
    }

    // MARK: Participants

    @Test func `participants are listed by pages with their roles and markers`() async throws {
        try await Parley.run { parley in
            let users = Sample.users(25)
            let path = try await parley.group(users)
            var seen: [String] = []
            var query = "?limit=10"
            for expected in [10, 10, 6] {
                let page = try await parley.call(.get, path + "/participants" + query, as: ada)
                let participants = page["participants"]?.items ?? []
                #expect(participants.count == expected)
                #expect(
                    participants.allSatisfy {
                        $0.names == ["user_id", "role", "joined_at", "last_read_sequence", "last_delivered_sequence"]
                    })
                seen += participants.compactMap { $0["user_id"]?.text }
                if let cursor = page["next_cursor"]?.text { query = "?limit=10&cursor=\(cursor)" } else { query = "" }
            }
            #expect(query.isEmpty)
            #expect(Set(seen) == Set((users + [ada]).map(\.description)))
            #expect(seen.count == 26)
            expect(try await parley.call(.get, path + "/participants?cursor=x", as: ada), refuses: .invalidCursor)
        }
    }

    @Test func `someone who is added reads all, and has read what was there`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            for _ in 1...3 { try await parley.send(in: path) }
            let added = try await parley.call(.put, path + "/participants/\(cleo)", as: ada, [:])
            #expect(added.status == 201)
            #expect(
                added.json == [
                    "user_id": .id(cleo), "role": "member", "joined_at": "2026-01-01T00:00:00.000Z", "last_read_sequence": 3,
                    "last_delivered_sequence": 3,
                ])
            #expect(try await parley.call(.get, path, as: cleo)["unread_count"] == 0)
            #expect(try await parley.numbers(path, as: cleo) == [1, 2, 3])
            try await parley.send(in: path)
            #expect(try await parley.call(.get, path, as: cleo)["unread_count"] == 1)
            let changed = try await parley.call(.put, path + "/participants/\(cleo)", as: ada, ["role": "read_only"])
            #expect(changed.status == 200)
            #expect(changed["role"] == "read_only")
            expect(try await parley.call(.post, path + "/messages", as: cleo, Body.text("Hello")), refuses: .roleForbids)
        }
    }

    @Test func `someone who is removed sees and sends nothing more, and their messages stay (P7)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            try await parley.send(in: path, as: ben)
            let removal = try await parley.call(.delete, path + "/participants/\(ben)", as: ada)
            #expect(removal.status == 204)
            #expect(removal.bytes.isEmpty)
            expect(try await parley.call(.get, path + "/messages", as: ben), refuses: .notAParticipant)
            expect(try await parley.call(.get, path, as: ben), refuses: .notAParticipant)
            expect(try await parley.call(.post, path + "/messages", as: ben, Body.text("Hello")), refuses: .notAParticipant)
            #expect(try await parley.call(.get, "/v1/conversations", as: ben)["conversations"] == [])
            #expect(try await parley.numbers(path) == [1])
            #expect(try await parley.call(.get, path, as: ada)["participant_count"] == 1)
            expect(try await parley.call(.delete, path + "/participants/\(ben)", as: ada), refuses: .participantNotFound)
        }
    }

    @Test func `someone who leaves can come back`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            #expect(try await parley.call(.delete, path + "/participants/\(ben)", as: ben).status == 204)
            try await parley.send(in: path)
            expect(try await parley.call(.get, path, as: ben), refuses: .notAParticipant)
            #expect(try await parley.call(.put, path + "/participants/\(ben)", as: ada, [:]).status == 201)
            #expect(try await parley.call(.get, path, as: ben)["unread_count"] == 0)
            try await parley.send(in: path, as: ben)
        }
    }

    @Test func `a role that is none is refused and nothing changes`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            let before = try await parley.state(of: path)
            for role in ["", "Owner", "guest", 5, true, []] as [JSONValue] {
                for user in [ben, cleo] {
                    expect(try await parley.call(.put, path + "/participants/\(user)", as: ada, ["role": role]), refuses: .invalidField)
                }
            }
            expect(try await parley.call(.put, path + "/participants/ben", as: ada, [:]), refuses: .invalidID)
            expect(try await parley.call(.delete, path + "/participants/ben", as: ada), refuses: .invalidID)
            #expect(try await parley.state(of: path) == before)
        }
    }

    @Test func `a full conversation takes nobody more (P8)`() async throws {
        try await Parley.run(Parley.Setup(maxParticipants: 3)) { parley in
            let path = try await parley.group([ben, cleo])
            let before = try await parley.state(of: path)
            expect(try await parley.call(.put, path + "/participants/\(dan)", as: ada, [:]), refuses: .tooManyParticipants)
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.call(.put, path + "/participants/\(ben)", as: ada, ["role": "admin"]).status == 200)
        }
    }
}
