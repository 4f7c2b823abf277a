import HTTPTypes
import ParleyAPI
import ParleyModel
import Testing

@Suite(.timeLimit(.minutes(1)))
struct RouteTests {
    @Test(arguments: [
        "/v1", "/v1/nothing", "/v2/conversations", "/v1/conversations/\(ada)/nothing", "/v1/conversations/\(ada)/messages/1",
        "/favicon.ico",
    ])
    func `an unknown path is not found`(_ path: String) async throws {
        try await Parley.run { parley in
            for method in [.get, .post, .delete] as [HTTPRequest.Method] {
                expect(try await parley.call(method, path, as: ada), refuses: .routeNotFound)
            }
        }
    }

    static let methods: [(String, String)] = [
        ("/v1/conversations", "GET, POST"), ("/v1/conversations/\(ada)", "GET, PATCH"), ("/v1/conversations/\(ada)/participants", "GET"),
        ("/v1/conversations/\(ada)/participants/\(ben)", "DELETE, PUT"), ("/v1/conversations/\(ada)/mute", "DELETE, PUT"),
        ("/v1/conversations/\(ada)/messages", "GET, POST"), ("/v1/conversations/\(ada)/read", "PUT"), ("/v1/messages", "POST"),
        ("/v1/media", "POST"), ("/v1/media/\(ada)", "GET"), ("/v1/devices", "GET, POST"), ("/v1/devices/\(ada)", "DELETE"),
        ("/v1/push/webpush-key", "GET"),
        ("/v1/conversations/\(ada)/delivered", "PUT"), ("/v1/conversations/\(ada)/receipts", "GET"),
        ("/v1/conversations/\(ada)/typing", "POST"), ("/v1/users/\(ada)/revoke-tokens", "POST"), ("/v1/events", "GET"),
        ("/asyncapi.yaml", "GET"), ("/v1/users/\(ada)/presence", "GET"), ("/v1/socket", "GET"), ("/health/live", "GET"),
        ("/health/ready", "GET"), ("/metrics", "GET"),
        ("/openapi.yaml", "GET"), ("/docs", "GET"), ("/", "GET"), ("/demo/session", "GET"), ("/service-worker.js", "GET"),
        ("/manifest.webmanifest", "GET"),
    ]

    @Test(arguments: methods)
    func `a known path names the methods it knows`(_ path: String, _ allowed: String) async throws {
        try await Parley.run { parley in
            let known = allowed.split(separator: ", ").map(String.init)
            for name in ["GET", "POST", "PUT", "PATCH", "DELETE", "PROPFIND"] where !known.contains(name) {
                let answer = try await parley.call(HTTPRequest.Method(name)!, path, as: ada, [:])
                expect(answer, refuses: .methodNotAllowed, nil, "\(name)")
                #expect(answer.headers[.allow] == allowed)
            }
        }
    }

    @Test func `every answer carries a request id: the caller's when it is a plain one, else a new one`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            for (method, route, body) in [
                (.get, "/v1/ping", nil), (.get, path, nil), (.post, path + "/messages", Body.text("Hello")),
                (.post, path + "/messages", [:]),
                (.get, "/v1/nothing", nil), (.get, "/health/live", nil),
            ] as [(HTTPRequest.Method, String, JSONValue?)] {
                let own = try await parley.call(method, route, as: ada, body, headers: [.requestID: "order-66_A"])
                #expect(own.headers[.requestID] == "order-66_A")
                let given = try await parley.call(method, route, as: ada, body)
                #expect(given.headers[.requestID]?.isEmpty == false)
                for bad in ["", "two words", "a\u{E9}", String(repeating: "a", count: 65), "<script>"] {
                    let answer = try await parley.call(method, route, as: ada, body, headers: [.requestID: bad])
                    #expect(answer.headers[.requestID] != bad)
                    #expect(answer.headers[.requestID]?.isEmpty == false)
                }
            }
        }
    }

    @Test func `the socket's route asks for an upgrade`() async throws {
        try await Parley.run { parley in
            let answer = try await parley.call(.get, "/v1/socket", as: ada)
            expect(answer, refuses: .upgradeRequired)
            #expect(answer.headers[.upgrade] == "websocket")
        }
    }

    @Test(arguments: [Set<APIDoor>(), [.rest]])
    func `a node that takes no sockets says so, also to a whole handshake`(doors: Set<APIDoor>) async throws {
        try await Parley.run(Parley.Setup(doors: doors)) { parley in
            let handshake: HTTPFields = [.upgrade: "websocket", .connection: "upgrade", .secWebSocketKey: "dGhlIHNhbXBsZSBub25jZQ=="]
            for headers in [[:], handshake] {
                let answer = try await parley.call(.get, "/v1/socket", as: nil, headers: headers)
                expect(answer, refuses: .socketsDisabled)
                #expect(answer.status == 421)
                #expect(answer.headers[.upgrade] == nil)
            }
        }
    }

    @Test func `a node that only takes sockets asks for an upgrade too`() async throws {
        try await Parley.run(Parley.Setup(doors: [.events])) { parley in
            expect(try await parley.call(.get, "/v1/socket", as: nil), refuses: .upgradeRequired)
        }
    }

    @Test func `the pages need no token, and the demo's users exist only with the development secret`() async throws {
        try await Parley.run { parley in
            for path in [
                "/", "/docs", "/openapi.yaml", "/demo/app.js", "/service-worker.js", "/manifest.webmanifest", "/demo/icon.png", "/metrics",
                "/health/live",
            ] {
                #expect(try await parley.call(.get, path, as: nil).status == 200, "\(path)")
            }
            expect(try await parley.call(.get, "/demo/session", as: nil), refuses: .demoDisabled)
            #expect(try await parley.call(.get, "/health/live", as: nil).text == #"{"status":"ok"}"#)
        }
    }

    @Test func `every route below v1 needs a token, but for the socket, which can be authenticated later`() async throws {
        try await Parley.run { parley in
            for (path, allowed) in Self.methods where path.hasPrefix("/v1/") && path != "/v1/socket" {
                for name in allowed.split(separator: ", ") {
                    expect(try await parley.call(HTTPRequest.Method(String(name))!, path, as: nil, [:]), refuses: .missingToken)
                }
            }
        }
    }
}
