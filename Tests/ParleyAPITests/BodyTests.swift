import HTTPTypes
import ParleyModel
import Testing

/// What is no good body, whatever it would have said. Each case is the same accepted message, spoilt in one way.
@Suite(.timeLimit(.minutes(1)))
struct BodyTests {
    static let good = #"{"message_type":"text","content":"Hello"}"#

    static let spoilt: [(String, [UInt8], ErrorCode)] = [
        ("nothing", [], .malformedJSON),
        ("half of it", Array(#"{"message_type":"text","content":"#.utf8), .malformedJSON),
        ("two bodies", Array((good + good).utf8), .malformedJSON),
        ("a trailing comma", Array(#"{"message_type":"text","content":"Hello",}"#.utf8), .malformedJSON),
        ("single quotes", Array("{'message_type':'text','content':'Hello'}".utf8), .malformedJSON),
        ("a comment", Array((good + "//").utf8), .malformedJSON),
        ("a byte order mark", [0xEF, 0xBB, 0xBF] + Array(good.utf8), .malformedJSON),
        ("a line break in a string", Array("{\"message_type\":\"text\",\"content\":\"Hel\nlo\"}".utf8), .malformedJSON),
        ("half a surrogate pair", Array(#"{"message_type":"text","content":"\ud83d"}"#.utf8), .malformedJSON),
        ("a form", Array("message_type=text&content=Hello".utf8), .malformedJSON),
        ("a byte that is no UTF-8", Array(#"{"message_type":"text","content":"Hel"#.utf8) + [0xFF] + Array(#"lo"}"#.utf8), .invalidUTF8),
        ("an overlong slash", Array(#"{"message_type":"text","content":""#.utf8) + [0xC0, 0xAF] + Array(#""}"#.utf8), .invalidUTF8),
        (
            "an encoded surrogate", Array(#"{"message_type":"text","content":""#.utf8) + [0xED, 0xA0, 0x80] + Array(#""}"#.utf8),
            .invalidUTF8
        ),
        ("half a character at the end", Array(good.utf8) + [0xE2, 0x82], .invalidUTF8),
        ("a name twice", Array(#"{"message_type":"text","content":"Hello","content":"Goodbye"}"#.utf8), .duplicateKey),
        ("a name twice, once escaped", Array(#"{"message_type":"text","content":"Hello","\u0063ontent":"Goodbye"}"#.utf8), .duplicateKey),
        ("a name twice further in", Array(#"{"message_type":"text","content":"Hello","extra":[{"a":1,"a":1}]}"#.utf8), .duplicateKey),
        ("33 levels", nested(33), .tooDeeplyNested),
        ("as many levels as fit", Array(String(repeating: "[", count: 60_000).utf8), .tooDeeplyNested),
        ("an array", Array("[\(good)]".utf8), .invalidField), ("a string", Array(#""Hello""#.utf8), .invalidField),
        ("a number", Array("5".utf8), .invalidField), ("null", Array("null".utf8), .invalidField),
    ]

    /// The message with an unknown field that brings the nesting to that many levels.
    private static func nested(_ levels: Int) -> [UInt8] {
        let extra = String(repeating: "[", count: levels - 1) + String(repeating: "]", count: levels - 1)
        return Array((#"{"message_type":"text","content":"Hello","extra":"# + extra + "}").utf8)
    }

    private static func headers(_ parley: Parley, contentType: String? = "application/json") async throws -> HTTPFields {
        var headers: HTTPFields = [.authorization: "Bearer " + (try await parley.token(ada))]
        headers[.contentType] = contentType
        return headers
    }

    @Test(arguments: spoilt)
    func `a spoilt body is refused and nothing changes`(_ what: String, _ bytes: [UInt8], _ code: ErrorCode) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let headers = try await Self.headers(parley)
            let before = try await parley.state(of: path)
            expect(try await parley.exchange(.post, path + "/messages", headers: headers, bytes: bytes), refuses: code)
            #expect(try await parley.state(of: path) == before)
            #expect(try await parley.exchange(.post, path + "/messages", headers: headers, bytes: Array(Self.good.utf8)).status == 201)
        }
    }

    @Test(arguments: ["/v1/conversations", "/v1/messages", "/v1/media", "/v1/devices"])
    func `every route that reads a body refuses a spoilt one`(_ path: String) async throws {
        try await Parley.run { parley in
            let headers = try await Self.headers(parley)
            expect(try await parley.exchange(.post, path, headers: headers, bytes: Array("{".utf8)), refuses: .malformedJSON)
            expect(
                try await parley.exchange(.post, path, headers: headers, bytes: [UInt8](repeating: 0x20, count: 65_537)),
                refuses: .bodyTooLarge)
            expect(
                try await parley.exchange(.post, path, headers: try await Self.headers(parley, contentType: nil), bytes: Array("{}".utf8)),
                refuses: .unsupportedMediaType)
        }
    }

    @Test func `32 levels of nesting are read`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let answer = try await parley.exchange(
                .post, path + "/messages", headers: try await Self.headers(parley), bytes: Self.nested(32))
            #expect(answer.status == 201)
        }
    }

    @Test func `a body of 64 KiB is read, one byte more is too large (P8)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let headers = try await Self.headers(parley)
            let full = Array(Self.good.utf8) + [UInt8](repeating: 0x20, count: 65_536 - Self.good.utf8.count)
            #expect(try await parley.exchange(.post, path + "/messages", headers: headers, bytes: full).status == 201)
            let before = try await parley.state(of: path)
            expect(try await parley.exchange(.post, path + "/messages", headers: headers, bytes: full + [0x20]), refuses: .bodyTooLarge)
            #expect(try await parley.state(of: path) == before)
        }
    }

    @Test(arguments: ["application/json", "application/json; charset=utf-8", "Application/JSON", "application/merge-patch+json"])
    func `a JSON content type is taken`(_ type: String) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let headers = try await Self.headers(parley, contentType: type)
            #expect(try await parley.exchange(.post, path + "/messages", headers: headers, bytes: Array(Self.good.utf8)).status == 201)
        }
    }

    @Test(arguments: [
        nil, "", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/jsonx",
        "text/plain; application/json",
    ])
    func `another content type is refused and nothing changes`(_ type: String?) async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let before = try await parley.state(of: path)
            let headers = try await Self.headers(parley, contentType: type)
            expect(
                try await parley.exchange(.post, path + "/messages", headers: headers, bytes: Array(Self.good.utf8)),
                refuses: .unsupportedMediaType)
            #expect(try await parley.state(of: path) == before)
        }
    }
}
