import Foundation
import HTTPTypes
import ParleyCore
import ParleyModel
import Testing

/// Who may do what: docs/PERMISSIONS.md, the code and the running routes say the same.
@Suite(.timeLimit(.minutes(1)))
struct PermissionTests {
    /// The one table of docs/PERMISSIONS.md: cells by action and role.
    private static func table() throws -> [String: [String: String]] {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/PERMISSIONS.md")
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("|") }
            .map { row in row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) } }
        let roles = try #require(rows.first).dropFirst()
        try #require(rows.count > 2)
        var table: [String: [String: String]] = [:]
        for row in rows.dropFirst(2) {
            try #require(row.count == roles.count + 1)
            #expect(table[row[0]] == nil, "\(row[0]) stands twice")
            table[row[0]] = Dictionary(uniqueKeysWithValues: zip(roles, row.dropFirst()))
        }
        return table
    }

    @Test func `the documented table is the one that the code follows`() throws {
        let table = try Self.table()
        #expect(Set(table.keys) == Set(ConversationAction.allCases.map(\.rawValue)))
        for action in ConversationAction.allCases {
            let row = try #require(table[action.rawValue])
            #expect(Set(row.keys) == Set(Role.allCases.map(\.rawValue)))
            for role in Role.allCases {
                #expect(row[role.rawValue] == (Permissions.allows(role, action) ? "yes" : "no"), "\(action.rawValue), \(role.rawValue)")
            }
        }
    }

    private typealias Step = (method: HTTPRequest.Method, path: String, body: JSONValue?)

    /// Everything that an action covers, as requests of `ben` in a group of `ada` (owner), `cleo` (member) and `dan` (admin).
    private static func steps(_ action: ConversationAction, in path: String) -> [Step] {
        let people = path + "/participants/"
        let newcomer = UserID("00000000-0000-4000-8000-00000000000e")!
        let other = UserID("00000000-0000-4000-8000-00000000000f")!
        return switch action {
        case .read:
            [
                (.get, path, nil), (.get, path + "/messages", nil), (.get, path + "/participants", nil),
                (.get, "/v1/users/\(ada)/presence", nil),
            ]
        case .markRead: [(.put, path + "/read", ["sequence_number": 1])]
        case .mute: [(.put, path + "/mute", [:]), (.delete, path + "/mute", nil), (.put, path + "/notifications", ["level": "none"])]
        case .leave: [(.delete, people + "\(ben)", nil)]
        case .sendMessage: [(.post, path + "/messages", Body.text("Hello"))]
        case .rename: [(.patch, path, ["title": "New"]), (.patch, path, ["title": .null])]
        case .manageMembers:
            [
                (.put, people + "\(newcomer)", [:]), (.put, people + "\(other)", ["role": "read_only"]),
                (.put, people + "\(cleo)", ["role": "read_only"]), (.put, people + "\(cleo)", ["role": "member"]),
                (.put, people + "\(cleo)", ["role": "member"]), (.delete, people + "\(cleo)", nil),
            ]
        case .manageAdmins:
            [
                (.put, people + "\(newcomer)", ["role": "admin"]), (.put, people + "\(other)", ["role": "owner"]),
                (.put, people + "\(cleo)", ["role": "admin"]), (.put, people + "\(cleo)", ["role": "owner"]),
                (.put, people + "\(dan)", ["role": "admin"]), (.put, people + "\(dan)", ["role": "member"]),
                (.put, people + "\(dan)", ["role": "owner"]), (.delete, people + "\(dan)", nil),
                (.put, people + "\(ada)", ["role": "member"]),
                (.delete, people + "\(ada)", nil),
            ]
        }
    }

    @Test(arguments: Role.allCases, ConversationAction.allCases)
    func `the routes allow what the table allows`(_ role: Role, _ action: ConversationAction) async throws {
        let isAllowed = try #require(try Self.table()[action.rawValue]?[role.rawValue]) == "yes"
        try await Parley.run { parley in
            let path = try await parley.group([ben, cleo], roles: [dan: .admin, ben: role])
            try await parley.send(in: path)
            let before = try await parley.state(of: path, for: [ada])
            for (method, route, body) in Self.steps(action, in: path) {
                let answer = try await parley.call(method, route, as: ben, body)
                if isAllowed {
                    #expect((200...299).contains(answer.status), "\(method) \(route): \(answer.text)")
                } else {
                    expect(answer, refuses: .roleForbids, nil, "\(method) \(route)")
                }
            }
            if !isAllowed { #expect(try await parley.state(of: path, for: [ada]) == before) }
        }
    }

    @Test(arguments: ConversationAction.allCases)
    func `who is not a participant may do nothing`(_ action: ConversationAction) async throws {
        try await Parley.run { parley in
            let path = try await parley.group([cleo], roles: [dan: .admin])
            try await parley.send(in: path)
            let before = try await parley.state(of: path, for: [ada])
            for (method, route, body) in Self.steps(action, in: path) {
                expect(try await parley.call(method, route, as: ben, body), refuses: .notAParticipant, nil, "\(method) \(route)")
            }
            #expect(try await parley.state(of: path, for: [ada]) == before)
        }
    }

    @Test func `a changed role counts from the next request on`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            let bens = path + "/participants/\(ben)"
            try await parley.send(in: path, as: ben)
            #expect(try await parley.call(.put, bens, as: ada, ["role": "read_only"]).status == 200)
            expect(try await parley.call(.post, path + "/messages", as: ben, Body.text("Hello")), refuses: .roleForbids)
            #expect(try await parley.call(.put, bens, as: ada, ["role": "owner"]).status == 200)
            #expect(try await parley.call(.patch, path, as: ben, ["title": "New"]).status == 200)
        }
    }

    @Test func `the last owner stays while others are there`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group([ben, cleo], roles: [ben: .admin])
            let adas = path + "/participants/\(ada)"
            let before = try await parley.state(of: path)
            expect(try await parley.call(.delete, adas, as: ada), refuses: .lastOwner)
            for role in ["admin", "member", "read_only"] as [JSONValue] {
                expect(try await parley.call(.put, adas, as: ada, ["role": role]), refuses: .lastOwner)
            }
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.call(.put, adas, as: ada, ["role": "owner"]).status == 200)
            #expect(try await parley.call(.put, path + "/participants/\(cleo)", as: ada, ["role": "owner"]).status == 200)
            #expect(try await parley.call(.put, adas, as: ada, ["role": "member"]).status == 200)
            #expect(try await parley.call(.delete, adas, as: ada).status == 204)
            expect(try await parley.call(.delete, path + "/participants/\(cleo)", as: cleo), refuses: .lastOwner)
            #expect(try await parley.call(.delete, path + "/participants/\(ben)", as: cleo).status == 204)
            #expect(try await parley.call(.delete, path + "/participants/\(cleo)", as: cleo).status == 204)
            expect(try await parley.call(.get, path, as: cleo), refuses: .notAParticipant)
        }
    }

    @Test func `a direct conversation keeps its two members and has no title`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let before = try await parley.state(of: path)
            let people = path + "/participants/"
            for (method, route, body) in [
                (.patch, path, ["title": "Us"]), (.put, people + "\(cleo)", [:]), (.put, people + "\(ben)", ["role": "owner"]),
                (.put, people + "\(ada)", ["role": "read_only"]), (.delete, people + "\(ben)", nil), (.delete, people + "\(ada)", nil),
            ] as [Step] {
                expect(try await parley.call(method, route, as: ada, body), refuses: .directConversationFixed)
            }
            #expect(try await parley.state(of: path) == before)
            for action in [ConversationAction.read, .markRead, .mute, .sendMessage] {
                for (method, route, body) in Self.steps(action, in: path) {
                    let answer = try await parley.call(method, route, as: ben, body)
                    #expect((200...299).contains(answer.status), "\(method) \(route): \(answer.text)")
                }
            }
        }
    }
}
