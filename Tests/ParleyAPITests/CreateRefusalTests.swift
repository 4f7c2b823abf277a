import HTTPTypes
import ParleyCore
import ParleyModel
import Testing

/// Each refusal starts from the same accepted message and changes one thing.
@Suite(.timeLimit(.minutes(1)))
struct CreateRefusalTests {
    struct Change: Sendable, CustomTestStringConvertible {
        let field: String
        let value: JSONValue?
        let code: ErrorCode
        let detail: String?
        let type: String

        var testDescription: String { "\(field): \(value.map { String("\($0)".prefix(60)) } ?? "absent")" }

        init(_ field: String, _ value: JSONValue?, _ code: ErrorCode = .invalidField, _ detail: String? = nil, of type: String = "text") {
            self.field = field
            self.value = value
            self.code = code
            self.detail = detail
            self.type = type
        }
    }

    private static let unknown = "00000000-0000-4000-8000-000000000000"
    private static func ids(_ count: Int) -> JSONValue { .ids((0..<count).map { _ in MediaID.random() }) }
    private static func letters(_ count: Int) -> JSONValue { .string(String(repeating: "a", count: count)) }

    static let changes: [Change] = [
        Change("message_type", nil, .missingField, "message_type is required"),
        Change("message_type", .null, .missingField, "message_type is required"),
        Change("message_type", 5), Change("message_type", ["text"]), Change("message_type", ""), Change("message_type", "Text"),
        Change("message_type", "1st"), Change("message_type", "two words"), Change("message_type", "über"),
        Change("message_type", "text\n"), Change("message_type", letters(33)),
        Change("content", nil), Change("content", ""), Change("content", 5), Change("content", true), Change("content", [:]),
        Change("content", nil, of: "location"), Change("content", "", of: "contact"),
        Change("content", nil, of: "image"), Change("content", "", of: "video"), Change("content", "", of: "audio"),
        Change("content", "", of: "document"),
        Change("content", letters(10_001)), Change("content", "a\u{0}b"), Change("content", "a\u{0}b", of: "poll"),
        Change("media_ids", "x"), Change("media_ids", [:]), Change("media_ids", [5]), Change("media_ids", [.null]),
        Change("media_ids", ["cat.jpg"]), Change("media_ids", ids(11)), Change("media_ids", [.string(unknown), .string(unknown)]),
        Change("media_ids", [.string(unknown)], .unknownMedia), Change("media_ids", [.string(unknown)], .unknownMedia, of: "image"),
        Change("client_message_id", ""), Change("client_message_id", 5), Change("client_message_id", letters(65)),
        Change("client_message_id", "a\u{0}b"),
        Change("sender_id", "ada"), Change("sender_id", 5), Change("sender_id", .id(cleo), .senderMismatch),
        Change("conversation_id", nil, .missingField, "conversation_id is required"),
        Change("conversation_id", .null, .missingField, "conversation_id is required"),
        Change("conversation_id", "here"), Change("conversation_id", 5),
        Change("conversation_id", .string(unknown), .conversationNotFound),
    ]

    @Test(arguments: changes)
    func `a wrong field is refused and nothing changes`(_ change: Change) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let id = path.dropFirst("/v1/conversations/".count)
            let good = Body.text("Hello").with("conversation_id", .string(String(id))).with("message_type", .string(change.type))
            #expect(try await parley.call(.post, "/v1/messages", as: ada, good).status == 201)
            let before = try await parley.state(of: path)
            let answer = try await parley.call(.post, "/v1/messages", as: ada, good.with(change.field, change.value))
            expect(answer, refuses: change.code, change.detail)
            if change.code == .invalidField { #expect(answer["detail"]?.text?.contains(change.field) == true) }
            if change.field != "conversation_id" {
                let byPath = try await parley.call(.post, path + "/messages", as: ada, good.with(change.field, change.value))
                expect(byPath, refuses: change.code, change.detail)
            }
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.call(.post, "/v1/messages", as: ada, good)["sequence_number"] == 2)
        }
    }

    @Test func `media of somebody else cannot be sent`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let bens = try await parley.registerImage(as: ben)
            let before = try await parley.state(of: path)
            let body: JSONValue = ["message_type": "image", "media_ids": [.string(bens)]]
            expect(try await parley.call(.post, path + "/messages", as: ada, body), refuses: .unknownMedia)
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.call(.post, path + "/messages", as: ben, body).status == 201)
        }
    }

    @Test func `who is not a participant is refused in the words of the documentation (P7)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            try await parley.send(in: path)
            let before = try await parley.state(of: path)
            let sentence = "user does not have access to this conversation"
            expect(try await parley.call(.post, path + "/messages", as: cleo, Body.text("Hello")), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.get, path + "/messages", as: cleo), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.get, path, as: cleo), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.patch, path, as: cleo, ["title": "Mine"]), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.get, path + "/participants", as: cleo), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.put, path + "/participants/\(cleo)", as: cleo, [:]), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.delete, path + "/participants/\(ben)", as: cleo), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.put, path + "/read", as: cleo, ["sequence_number": 1]), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.put, path + "/mute", as: cleo, [:]), refuses: .notAParticipant, sentence)
            expect(try await parley.call(.delete, path + "/mute", as: cleo), refuses: .notAParticipant, sentence)
            #expect(try await parley.call(.get, "/v1/conversations", as: cleo)["conversations"] == [])
            #expect(try await parley.state(of: path) == before)
        }
    }

    @Test func `an unknown conversation is not found, an id that is none is invalid`() async throws {
        try await Parley.run { parley in
            for (id, code) in [(Self.unknown, ErrorCode.conversationNotFound), ("general", .invalidID), (Self.unknown + "0", .invalidID)] {
                let path = "/v1/conversations/" + id
                expect(try await parley.call(.post, path + "/messages", as: ada, Body.text("Hello")), refuses: code)
                expect(try await parley.call(.get, path + "/messages", as: ada), refuses: code)
                expect(try await parley.call(.get, path, as: ada), refuses: code)
                expect(try await parley.call(.patch, path, as: ada, ["title": "Mine"]), refuses: code)
                expect(try await parley.call(.get, path + "/participants", as: ada), refuses: code)
                expect(try await parley.call(.put, path + "/participants/\(ben)", as: ada, [:]), refuses: code)
                expect(try await parley.call(.delete, path + "/participants/\(ada)", as: ada), refuses: code)
                expect(try await parley.call(.put, path + "/read", as: ada, ["sequence_number": 1]), refuses: code)
                expect(try await parley.call(.put, path + "/mute", as: ada, [:]), refuses: code)
                expect(try await parley.call(.delete, path + "/mute", as: ada), refuses: code)
            }
        }
    }
}
