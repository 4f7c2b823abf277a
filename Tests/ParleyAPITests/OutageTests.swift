import HTTPTypes
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

/// A store that cannot be read or written: 503s, a ready check that says so, and nothing changed.
@Suite(.timeLimit(.minutes(1)))
struct OutageTests {
    typealias Step = (method: HTTPRequest.Method, path: String, body: JSONValue?)

    /// Every route that needs a store; C is the group's path, M a medium's id.
    static let steps: [Step] = [
        (.post, "/v1/conversations", ["type": "direct", "participant_ids": .ids([cleo])]),
        (.post, "/v1/conversations", ["type": "group", "participant_ids": .ids([cleo])]), (.get, "/v1/conversations", nil),
        (.get, "C", nil),
        (.patch, "C", ["title": "New"]), (.get, "C/participants", nil), (.put, "C/participants/\(cleo)", ["role": "member"]),
        (.put, "C/participants/\(ben)", ["role": "admin"]), (.delete, "C/participants/\(ben)", nil), (.put, "C/mute", [:]),
        (.delete, "C/mute", nil), (.post, "C/messages", Body.text("Hello")), (.post, "C/messages", Body.text("Again", key: "key")),
        (.get, "C/messages", nil), (.put, "C/read", ["sequence_number": 1]), (.post, "/v1/media", Body.image),
        (.post, "/v1/devices", ["kind": "apns", "token": "t"]), (.get, "/v1/devices", nil), (.delete, "/v1/devices/\(ada)", nil),
        (.get, "/v1/users/\(ben)/presence", nil),
    ]

    @Test(arguments: steps.indices, [StoreError.unavailable("disk full: /secret/path"), .outcomeUnknown("/secret/path")])
    func `a store that is down answers 503 and nothing changes`(_ step: Int, _ error: StoreError) async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            try await parley.send(in: path, as: ben)
            try await parley.send("Again", in: path, key: "key")
            let before = try await parley.state(of: path)
            let (method, route, body) = Self.steps[step]
            parley.store.outage.begin(error)
            let answer = try await parley.call(
                method, route.replacing("C/", with: path + "/").replacing(#/^C$/#, with: path), as: ada, body)
            expect(answer, refuses: .storageUnavailable)
            #expect(!answer.text.contains("secret"))
            parley.store.outage.end()
            #expect(try await parley.state(of: path) == before)
            try await parley.send(in: path)
            #expect(try await parley.numbers(path) == [1, 2, 3])
        }
    }

    @Test func `an error that nobody expected is a 500 that says nothing of its cause`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group()
            parley.store.outage.begin(.unexpected("no such column: password"))
            for (method, route, body) in [
                (.get, path, nil), (.post, path + "/messages", Body.text("Hello")), (.get, path + "/messages", nil),
            ] as [Step] {
                let answer = try await parley.call(method, route, as: ada, body)
                expect(answer, refuses: .internalError)
                #expect(!answer.text.contains("password"))
            }
            let told = parley.log.lines.filter { $0.contains("cause=no such column: password") && $0.contains("code=internal_error") }
            #expect(told.count == 3, "the operator must find what the caller is not told")
        }
    }

    @Test func `the batch that could not be stored is refused whole, and can be sent again (P1)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            parley.store.gate.shut()
            let answers = try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 1...8 {
                    group.addTask { try await parley.call(.post, path + "/messages", as: ada, Body.text("\(number)", key: "\(number)")) }
                    // The first alone is a batch of its own; the others gather behind it.
                    if number == 1 { await parley.store.gate.someoneWaits() }
                }
                try await parley.waiting(7)
                parley.store.outage.begin(.unavailable("disk full"))
                parley.store.gate.open()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            for answer in answers { expect(answer, refuses: .storageUnavailable) }
            parley.store.outage.end()
            #expect(try await parley.numbers(path) == [])
            for number in 1...8 { try await parley.send("\(number)", in: path, key: "\(number)") }
            #expect(try await parley.numbers(path) == Array(1...8))
        }
    }

    @Test func `the ready check names the storage, and is green again afterwards`() async throws {
        try await Parley.run { parley in
            let green = try await parley.call(.get, "/health/ready", as: nil)
            #expect(green.status == 200)
            #expect(green.json == ["status": "ready", "dependencies": ["storage": ["status": "ok", "detail": .null]]])
            for error in [StoreError.unavailable("disk full"), .outcomeUnknown("no answer"), .unexpected("?")] {
                parley.store.outage.begin(error)
                let red = try await parley.call(.get, "/health/ready", as: nil)
                #expect(red.status == 503)
                #expect(red["status"] == "not_ready")
                #expect(red["dependencies"]?["storage"]?["status"] == "failing")
                #expect(red["dependencies"]?["storage"]?["detail"]?.text?.isEmpty == false)
                #expect(try await parley.call(.get, "/health/live", as: nil).status == 200)
            }
            parley.store.outage.end()
            #expect(try await parley.call(.get, "/health/ready", as: nil).bytes == green.bytes)
        }
    }
}
