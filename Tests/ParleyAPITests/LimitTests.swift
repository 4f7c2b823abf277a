import HTTPTypes
import ParleyAPI
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

/// Bounded queues and rates (P8): what is too much is refused at once, and nothing acknowledged is lost.
@Suite(.timeLimit(.minutes(1)))
struct LimitTests {
    private static func setup(messages: Double = 0, requests: Double = 0, burst: Double) -> Parley.Setup {
        Parley.Setup(
            limits: RequestLimits(
                messages: RateLimiter(perSecond: messages, burst: burst), requests: RateLimiter(perSecond: requests, burst: burst)))
    }

    @Test func `a user who sends faster than allowed is told when to come back (P8)`() async throws {
        try await Parley.run(Self.setup(messages: 0.5, burst: 3)) { parley in
            let path = try await parley.direct()
            for left in [2, 1, 0] {
                let answer = try await parley.send(in: path)
                #expect(answer.headers[.rateLimitLimit] == "3")
                #expect(answer.headers[.rateLimitRemaining] == "\(left)")
                #expect(answer.headers[.rateLimitReset] == "\((3 - left) * 2)")
            }
            let before = try await parley.state(of: path)
            let refused = try await parley.call(.post, path + "/messages", as: ada, Body.text("Hello"))
            expect(refused, refuses: .rateLimited)
            #expect(refused.headers[.retryAfter] == "2")
            #expect(refused.headers[.rateLimitLimit] == "3")
            #expect(refused.headers[.rateLimitRemaining] == "0")
            #expect(refused.headers[.rateLimitReset] == "6")
            #expect(try await parley.state(of: path) == before)
            try await parley.send(in: path, as: ben)
            parley.time.advance(bySeconds: 2)
            try await parley.send(in: path)
            expect(try await parley.call(.post, path + "/messages", as: ada, Body.text("Hello")), refuses: .rateLimited)
        }
    }

    @Test(arguments: ["/v1/messages", "/v1/messages/", "/v1/conversations/ID/messages", "/v1/conversations/ID/messages/"])
    func `every way to send counts against the same limit (P8)`(_ route: String) async throws {
        try await Parley.run(Self.setup(messages: 1, burst: 1)) { parley in
            let path = try await parley.direct()
            try await parley.send(in: path)
            let id = String(path.dropFirst("/v1/conversations/".count))
            let body = Body.text("Hello").with("conversation_id", .string(id))
            expect(try await parley.call(.post, route.replacing("ID", with: id), as: ada, body), refuses: .rateLimited)
        }
    }

    @Test func `requests that send nothing have a limit of their own, and service tokens none (P8)`() async throws {
        try await Parley.run(Self.setup(requests: 1, burst: 2)) { parley in
            let path = try await parley.direct()
            try await parley.send(in: path)
            #expect(try await parley.call(.get, path, as: ada).status == 200)
            expect(try await parley.call(.get, path, as: ada), refuses: .rateLimited)
            try await parley.send(in: path)
            for _ in 1...5 { #expect(try await parley.callAsService(.get, path, for: ada).status == 200) }
        }
    }

    // MARK: The lane

    @Test func `a full lane refuses with 503 and loses nothing (P8)`() async throws {
        var setup = Parley.Setup()
        setup.lane.maxDepth = 3
        try await Parley.run(setup) { parley in
            let path = try await parley.direct()
            parley.store.gate.shut()
            async let first = parley.call(.post, path + "/messages", as: ada, Body.text("first", key: "0"))
            await parley.store.gate.someoneWaits()
            let accepted = try await withThrowingTaskGroup(of: Answer.self) { group in
                for number in 1...3 {
                    group.addTask { try await parley.call(.post, path + "/messages", as: ada, Body.text("waits", key: "\(number)")) }
                }
                try await parley.waiting(3)
                for _ in 1...5 {
                    let refused = try await parley.call(.post, path + "/messages", as: ada, Body.text("too many"))
                    expect(refused, refuses: .overloaded)
                }
                parley.store.gate.open()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(try await first["sequence_number"] == 1)
            #expect(accepted.allSatisfy { $0.status == 201 })
            #expect(try await parley.numbers(path) == [1, 2, 3, 4])
            try await parley.send(in: path)
        }
    }

    @Test func `a create that has waited too long is refused and not stored (P8)`() async throws {
        var setup = Parley.Setup()
        setup.lane.maxWaitSeconds = 10
        try await Parley.run(setup) { parley in
            let path = try await parley.direct()
            parley.store.gate.shut()
            async let first = parley.call(.post, path + "/messages", as: ada, Body.text("first"))
            await parley.store.gate.someoneWaits()
            async let second = parley.call(.post, path + "/messages", as: ada, Body.text("second"))
            try await parley.waiting(1)
            parley.time.advance(bySeconds: 11)
            parley.store.gate.open()
            #expect(try await first.status == 201)
            expect(try await second, refuses: .overloaded)
            #expect(try await parley.numbers(path) == [1])
        }
    }

    @Test func `a lane that closes writes what waits and refuses what comes`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            parley.store.gate.shut()
            async let first = parley.call(.post, path + "/messages", as: ada, Body.text("first"))
            await parley.store.gate.someoneWaits()
            async let second = parley.call(.post, path + "/messages", as: ada, Body.text("second"))
            try await parley.waiting(1)
            parley.lane.close()
            expect(try await parley.call(.post, path + "/messages", as: ada, Body.text("third")), refuses: .shuttingDown)
            parley.store.gate.open()
            #expect(try await first.status == 201)
            #expect(try await second.status == 201)
            #expect(try await parley.numbers(path) == [1, 2])
        }
    }
}
