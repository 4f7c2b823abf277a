import HTTPTypes
import ParleyModel
import Testing

/// The team's own backend acts for its users.
@Suite(.timeLimit(.minutes(1)))
struct ServiceTokenTests {
    @Test func `a service token sends for the user that sender_id names`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let body = Body.text("Hello").with("sender_id", .id(ben))
            let answer = try await parley.callAsService(.post, path + "/messages", body)
            #expect(answer.status == 201)
            #expect(answer["sender_id"] == .id(ben))
            #expect(try await parley.callAsService(.post, path + "/messages", for: ada, body)["sender_id"] == .id(ben))
        }
    }

    @Test func `a service token acts on every route for the user whom the header names`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            #expect(try await parley.callAsService(.post, path + "/messages", for: ben, Body.text("Hello"))["sender_id"] == .id(ben))
            #expect(try await parley.callAsService(.get, path, for: ada).bytes == parley.call(.get, path, as: ada).bytes)
            #expect(try await parley.callAsService(.get, "/v1/conversations", for: ada)["conversations"]?.items.count == 1)
            #expect(try await parley.callAsService(.put, path + "/read", for: ada, ["sequence_number": 1])["unread_count"] == 0)
            #expect(try await parley.callAsService(.get, path + "/messages", for: ben).messageNumbers == [1])
            #expect(try await parley.callAsService(.post, "/v1/media", for: ben, Body.image)["owner_id"] == .id(ben))
        }
    }

    @Test func `a service token must say for whom it acts`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let before = try await parley.state(of: path)
            expect(
                try await parley.callAsService(.post, path + "/messages", Body.text("Hello")), refuses: .missingField,
                "sender_id is required")
            for call in [(.get, "/v1/conversations", nil), (.get, path, nil), (.post, "/v1/media", Body.image)]
                as [(HTTPRequest.Method, String, JSONValue?)]
            {
                expect(try await parley.callAsService(call.0, call.1, call.2), refuses: .missingField)
            }
            #expect(try await parley.state(of: path) == before)
        }
    }

    @Test func `a service token has no more rights than the user it acts for`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let before = try await parley.state(of: path)
            expect(try await parley.callAsService(.post, path + "/messages", for: cleo, Body.text("Hello")), refuses: .notAParticipant)
            expect(
                try await parley.callAsService(.post, path + "/messages", Body.text("Hello").with("sender_id", .id(cleo))),
                refuses: .notAParticipant)
            expect(try await parley.callAsService(.get, path + "/messages", for: cleo), refuses: .notAParticipant)
            #expect(try await parley.state(of: path) == before)
        }
    }

    @Test func `a user's token cannot act for others, not even for its own user by the header`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let before = try await parley.state(of: path)
            for user in [ada, ben] {
                let answer = try await parley.call(
                    .post, path + "/messages", as: ada, Body.text("Hello"), headers: [.onBehalfOf: user.description])
                expect(answer, refuses: .serviceTokenRequired)
            }
            #expect(try await parley.state(of: path) == before)
        }
    }

    @Test func `the header must hold a UUID`() async throws {
        try await Parley.run { parley in
            let headers: HTTPFields = [.authorization: "Bearer " + (try await parley.token(nil, isService: true)), .onBehalfOf: "ada"]
            expect(try await parley.exchange(.get, "/v1/conversations", headers: headers), refuses: .invalidField)
        }
    }
}
