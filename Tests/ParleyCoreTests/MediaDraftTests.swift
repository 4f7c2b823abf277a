import ParleyCore
import ParleyModel
import Testing

/// The rules of a media draft, as openapi.yaml states them in MediaDraft.
struct MediaDraftTests {
    private static let good: [(name: String, value: JSONValue)] = [
        ("kind", .string("image")), ("name", .string("cat.jpg")), ("size", .integer(204_800)), ("content_type", .string("image/jpeg")),
        ("url", .string("https://files.example/cat.jpg")), ("width", .integer(1200)), ("height", .integer(800)), ("duration_ms", .null),
    ]

    private func check(_ field: String, _ value: JSONValue) throws -> Media {
        let body = JSONObject(members: Self.good.map { $0.name == field ? (name: field, value: value) : $0 })
        return try MediaDraft(body).checked(id: .random(), owner: .random(), at: Timestamp(milliseconds: 0))
    }

    @Test(
        arguments: [
            ("kind", .string("document")), ("name", .string(String(repeating: "é", count: 255))), ("size", .integer(0)),
            ("size", .integer(9_007_199_254_740_991)), ("content_type", .string("audio/ogg; codecs=opus")),
            ("content_type", .string("a/b;")),
            ("content_type", .string("a/" + String(repeating: "b", count: 253))), ("width", .null), ("width", .integer(1)),
            ("height", .integer(2_147_483_647)), ("duration_ms", .integer(0)), ("duration_ms", .integer(2_147_483_647)),
        ] as [(String, JSONValue)])
    func `a value within its bounds is taken`(field: String, value: JSONValue) throws {
        #expect(throws: Never.self) { try check(field, value) }
    }

    @Test(
        arguments: [
            ("kind", .string("sticker"), "kind must be image, video, audio or document"), ("name", .string(""), "name must not be empty"),
            ("name", .string(String(repeating: "é", count: 256)), "name may have at most 255 characters"),
            ("name", .string("a\u{0}"), "name must not contain U+0000"),
            ("size", .integer(-1), "size must be a whole number from 0 to 9007199254740991"),
            ("size", .integer(9_007_199_254_740_992), "size must be a whole number from 0 to 9007199254740991"),
            ("content_type", .string("a/" + String(repeating: "b", count: 254)), "content_type may have at most 255 characters"),
            ("width", .integer(0), "width must be a whole number from 1 to 2147483647"),
            ("height", .integer(2_147_483_648), "height must be a whole number from 1 to 2147483647"),
            ("duration_ms", .integer(-1), "duration_ms must be a whole number from 0 to 2147483647"),
            ("duration_ms", .integer(2_147_483_648), "duration_ms must be a whole number from 0 to 2147483647"),
        ] as [(String, JSONValue, String)])
    func `a value beyond its bounds is refused with a sentence that names them`(field: String, value: JSONValue, detail: String) throws {
        #expect(throws: ParleyError(.invalidField, detail)) { try check(field, value) }
    }

    @Test(arguments: [
        "", "jpeg", "/", "image/", "/jpeg", "image/jpeg/x", "image/jp eg", "image/jpeg ;a", "imag\u{E9}/jpeg", "a/b;\u{7F}", "a/b;\n",
    ])
    func `what is no media type is refused`(text: String) throws {
        let detail = "content_type must be a media type such as image/jpeg, perhaps with parameters"
        #expect(throws: ParleyError(.invalidField, detail)) { try check("content_type", .string(text)) }
    }

    @Test(arguments: [
        "http://a", "https://files.example:8443/a?b=c#d", "https://localhost?x", "https://a_b.example#", "https://a/[1]~(2)",
        "https://127.0.0.1:80/", "https://a/" + String(repeating: "b", count: 2038),
    ])
    func `an http or https address is taken`(url: String) throws {
        #expect(try check("url", .string(url)).url == url)
    }

    @Test(arguments: [
        "", "cat.jpg", "//files.example/a", "ftp://files.example/a", "javascript:alert(1)", "HTTPS://files.example/a", "https://",
        "https:///a",
        "https://ada@files.example/a", "https://[::1]/a", "https://a:/b", "https://a:123456/b", "https://a:8o/b", "https://f\u{E9}/a",
        "https://a/b c",
        "https://a/\"onload", "https://a/<b>", "https://a/\\", "https://a/`", "https://a/{b}", "https://a/b\n", "https://\u{212A}/",
    ])
    func `any other address is refused`(url: String) throws {
        let detail = "url must be an http or https address such as https://example.com/a.jpg"
        #expect(throws: ParleyError(.invalidField, detail)) { try check("url", .string(url)) }
    }

    @Test func `an address that is too long is refused`() throws {
        let url = "https://a/" + String(repeating: "b", count: 2039)
        #expect(throws: ParleyError(.invalidField, "url may have at most 2048 characters")) { try check("url", .string(url)) }
    }
}
