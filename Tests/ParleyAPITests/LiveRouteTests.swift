import HTTPTypes
import ParleyModel
import ParleyTesting
import Testing

/// The routes beside the socket: delivered markers, receipts, typing, revoking tokens, events.
@Suite(.timeLimit(.minutes(1)))
struct LiveRouteTests {
    @Test func `a delivered marker only advances, and shows among the participants`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for _ in 1...3 { try await parley.send(in: path) }
            for (number, stands) in [(2, 2), (1, 2), (99, 3)] as [(Int64, Int64)] {
                let answer = try await parley.call(.put, path + "/delivered", as: ben, ["sequence_number": .integer(number)])
                #expect(answer.status == 200)
                #expect(answer.json == ["last_delivered_sequence": .integer(stands)])
            }
            let participants = try await parley.call(.get, path + "/participants", as: ada)["participants"]?.items ?? []
            #expect(Set(participants.map { $0["last_delivered_sequence"]?.whole }) == [0, 3])
            #expect(participants.allSatisfy { $0["last_read_sequence"] == 0 })
        }
    }

    @Test func `receipts count who has read and received`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group([ben, cleo])
            for _ in 1...2 { try await parley.send(in: path) }
            _ = try await parley.call(.put, path + "/read", as: ben, ["sequence_number": 2])
            _ = try await parley.call(.put, path + "/delivered", as: cleo, ["sequence_number": 2])
            let answer = try await parley.call(.get, path + "/receipts?sequence_number=2", as: ada)
            #expect(answer.json == ["sequence_number": 2, "read_count": 1, "delivered_count": 2])
            expect(try await parley.call(.get, path + "/receipts", as: ada), refuses: .invalidParameter)
            expect(try await parley.call(.get, path + "/receipts?sequence_number=2", as: dan), refuses: .notAParticipant)
        }
    }

    @Test func `typing is for those who may write`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group([ben, cleo], roles: [cleo: .readOnly])
            for body in [["is_typing": true], ["is_typing": false], [:]] as [JSONValue] {
                #expect(try await parley.call(.post, path + "/typing", as: ben, body).status == 204)
            }
            expect(try await parley.call(.post, path + "/typing", as: ben, ["is_typing": 1]), refuses: .invalidField)
            expect(try await parley.call(.post, path + "/typing", as: cleo, [:]), refuses: .roleForbids)
            expect(try await parley.call(.post, path + "/typing", as: dan, [:]), refuses: .notAParticipant)
        }
    }

    @Test func `a service token ends a user's tokens, and new ones are good`() async throws {
        try await Parley.run { parley in
            let old = try await parley.token(ada)
            let path = "/v1/users/\(ada)/revoke-tokens"
            func ping(_ token: String) async throws -> Answer {
                try await parley.exchange(.get, "/v1/ping", headers: [.authorization: "Bearer \(token)"])
            }
            parley.time.advance(bySeconds: 1)
            expect(try await parley.call(.post, path, as: ada), refuses: .serviceTokenRequired)
            #expect(try await ping(old).status == 204)
            #expect(try await parley.callAsService(.post, path).status == 204)
            expect(try await ping(old), refuses: .tokenRevoked)
            #expect(try await ping(try await parley.token(ada)).status == 204)
            #expect(try await parley.call(.get, "/v1/ping", as: ben).status == 204)
        }
    }

    @Test(arguments: ["x", "1.2", "1.2.3;x", "1.2.3;\(ada)=-1", "1.2.3;\(ada)=1;"])
    func `a stream is not opened from an id that nobody gave out`(id: String) async throws {
        try await Parley.run { parley in
            let header = HTTPField.Name("Last-Event-ID")!
            expect(try await parley.call(.get, "/v1/events", as: ada, headers: [header: id]), refuses: .invalidCursor)
        }
    }

    @Test func `a page of a foreign origin is told that it may not open sockets`() async throws {
        try await Parley.run { parley in
            expect(try await parley.call(.get, "/v1/socket", as: nil), refuses: .upgradeRequired)
            let foreign: HTTPFields = [.origin: "https://evil.example"]
            expect(try await parley.call(.get, "/v1/socket", as: nil, headers: foreign), refuses: .originNotAllowed)
        }
    }
}
