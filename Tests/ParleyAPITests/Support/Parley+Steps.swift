import HTTPTypes
import ParleyCore
import ParleyModel
import Testing

// What most tests do first, and what they look at last.

let ada = UserID("ada00000-0000-4000-8000-00000000000a")!
let ben = UserID("be200000-0000-4000-8000-00000000000b")!
let cleo = UserID("c1e00000-0000-4000-8000-00000000000c")!
let dan = UserID("da200000-0000-4000-8000-00000000000d")!

/// The bodies that most tests send.
enum Body {
    static func text(_ content: String, key: String? = nil) -> JSONValue {
        let body: JSONValue = ["message_type": "text", "content": .string(content)]
        return key.map { body.with("client_message_id", .string($0)) } ?? body
    }

    static let image: JSONValue = [
        "kind": "image", "name": "cat.jpg", "size": 204_800, "content_type": "image/jpeg", "url": "https://files.example/cat.jpg",
        "width": 1200, "height": 800,
    ]
}

extension Parley {
    /// The path of the direct conversation of two users.
    func direct(_ one: UserID = ada, _ other: UserID = ben) async throws -> String {
        let answer = try await call(.post, "/v1/conversations", as: one, ["type": "direct", "participant_ids": .ids([other])])
        return "/v1/conversations/" + (try answer.string("id"))
    }

    /// The path of a new group with these participants; `ada` is its owner.
    func group(_ others: [UserID] = [ben], roles: [UserID: Role] = [:]) async throws -> String {
        let answer = try await call(.post, "/v1/conversations", as: ada, ["type": "group", "participant_ids": .ids(others)])
        let path = "/v1/conversations/" + (try answer.string("id"))
        for (user, role) in roles {
            let answer = try await call(.put, "\(path)/participants/\(user)", as: ada, ["role": .string(role.rawValue)])
            try #require(answer.status == 200 || answer.status == 201, "\(answer.text)")
        }
        return path
    }

    /// Sends a text that must be accepted.
    @discardableResult
    func send(_ content: String = "Hello", in conversation: String, as user: UserID = ada, key: String? = nil) async throws -> Answer {
        let answer = try await call(.post, conversation + "/messages", as: user, Body.text(content, key: key))
        try #require(answer.status == 201, "\(answer.text)")
        return answer
    }

    func registerImage(as user: UserID = ada) async throws -> String {
        try await call(.post, "/v1/media", as: user, Body.image).string("id")
    }

    /// Everything that two participants can see: what a refusal must leave as it was.
    func state(of conversation: String, for users: [UserID] = [ada, ben]) async throws -> [String] {
        var state: [String] = []
        for user in users {
            let paths = [
                "/v1/conversations", conversation, conversation + "/messages?limit=200", conversation + "/participants", "/v1/devices",
            ]
            for path in paths { state.append(try await call(.get, path, as: user).text) }
        }
        return state
    }

    /// Returns when so many creates wait in the lane.
    func waiting(_ count: Int) async throws {
        while lane.depth < count {
            try Task.checkCancellation()
            await Task.yield()
        }
    }

    /// The sequence numbers of a page of history.
    func numbers(_ conversation: String, _ query: String = "", as user: UserID = ada) async throws -> [Int64] {
        try await call(.get, conversation + "/messages" + query, as: user).messageNumbers
    }
}

extension Answer {
    var messageNumbers: [Int64] { self["messages"]?.items.compactMap { $0["sequence_number"]?.whole } ?? [] }
    var conversationIDs: [String] { self["conversations"]?.items.compactMap { $0["id"]?.text } ?? [] }
}
