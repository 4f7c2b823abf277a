import ParleyCore
import ParleyModel
import Testing

/// The rules of a device draft, as openapi.yaml states them in AppDeviceDraft and BrowserDeviceDraft.
struct DeviceDraftTests {
    private static let key = "B" + String(repeating: "a", count: 86)
    private static let secret = String(repeating: "-", count: 22)

    private static func keys(_ key: String = key, _ secret: String = secret) -> JSONValue {
        .object(JSONObject(members: [("p256dh", .string(key)), ("auth", .string(secret))]))
    }

    private static func subscription(_ endpoint: String = "https://push.example/a", _ keys: JSONValue = keys()) -> JSONValue {
        .object(JSONObject(members: [("endpoint", .string(endpoint)), ("keys", keys)]))
    }

    private func check(_ kind: String, token: JSONValue = .null, subscription: JSONValue = .null, name: JSONValue = .null) throws -> Device
    {
        let body = JSONObject(members: [("kind", .string(kind)), ("token", token), ("subscription", subscription), ("name", name)])
        return try DeviceDraft(body).checked(id: .random(), user: .random(), at: Timestamp(milliseconds: 0))
    }

    @Test func `an app's device has a token, a browser has a subscription`() throws {
        #expect(try check("apns", token: .string("a1")).address == .apns(token: "a1"))
        #expect(try check("fcm", token: .string("a1"), name: .string("")).address == .fcm(token: "a1"))
        let expected = WebPushSubscription(endpoint: "https://push.example/a", p256dh: Self.key, auth: Self.secret)
        #expect(try check("webpush", subscription: Self.subscription()).address == .webPush(expected))
    }

    @Test(
        arguments: [
            ("pager", .string("a1"), .null, ParleyError(.invalidField, "kind must be apns, fcm or webpush")),
            ("apns", .null, .null, ParleyError(.missingField, "token is required")),
            ("apns", .null, subscription(), ParleyError(.missingField, "token is required")),
            ("apns", .string("a1"), subscription(), ParleyError(.invalidField, "subscription is for the kind webpush; apns has a token")),
            ("webpush", .null, .null, ParleyError(.missingField, "subscription is required")),
            ("webpush", .string("a1"), .null, ParleyError(.missingField, "subscription is required")),
            (
                "webpush", .string("a1"), subscription(),
                ParleyError(.invalidField, "token is for the kinds apns and fcm; webpush has a subscription")
            ),
        ] as [(String, JSONValue, JSONValue, ParleyError)])
    func `a kind has its own address and no other`(kind: String, token: JSONValue, subscription: JSONValue, refusal: ParleyError) {
        #expect(throws: refusal) { try check(kind, token: token, subscription: subscription) }
    }

    @Test(arguments: [
        ("", "token must not be empty"), ("a\u{0}", "token must not contain U+0000"),
        (String(repeating: "a", count: 4097), "token may have at most 4096 characters"),
    ])
    func `a token is a text of 1 to 4096 characters`(token: String, detail: String) {
        #expect(throws: ParleyError(.invalidField, detail)) { try check("fcm", token: .string(token)) }
        #expect(throws: Never.self) { try check("fcm", token: .string(String(repeating: "a", count: 4096))) }
    }

    @Test(arguments: [
        ("http://push.example/a", "endpoint must be an https address"), ("https://", "endpoint must be an https address"),
        ("https://[::1]/a", "endpoint must be an https address"), ("https://a/ b", "endpoint must be an https address"),
        ("https://a/" + String(repeating: "b", count: 2039), "endpoint may have at most 2048 characters"),
    ])
    func `an endpoint is an https address`(endpoint: String, detail: String) {
        #expect(throws: ParleyError(.invalidField, detail)) { try check("webpush", subscription: Self.subscription(endpoint)) }
    }

    @Test func `where stand-ins may be reached without TLS, an endpoint is an http address too, and no other`() throws {
        func check(_ endpoint: String) throws {
            let body = JSONObject(members: [("kind", .string("webpush")), ("subscription", Self.subscription(endpoint))])
            _ = try DeviceDraft(body).checked(
                id: .random(), user: .random(), at: Timestamp(milliseconds: 0), endpointSchemes: ["https", "http"])
        }
        for endpoint in ["http://127.0.0.1:9000/a", "https://push.example/a"] { try check(endpoint) }
        #expect(throws: ParleyError.self) { try check("ftp://push.example/a") }
    }

    @Test(
        arguments: [
            (keys(key + "=", secret + "=="), nil), (keys(String(key.dropLast())), "p256dh"), (keys(key + "a"), "p256dh"),
            (keys(key + "=="), "p256dh"),
            (keys(String(repeating: "+", count: 87)), "p256dh"), (keys(key, ""), "auth"), (keys(key, secret + "="), "auth"),
            (keys(key, secret + "==="), "auth"), (keys(key, String(repeating: "/", count: 22)), "auth"),
        ] as [(JSONValue, String?)])
    func `keys are base64url of their length, padded or not`(keys: JSONValue, wrong: String?) throws {
        do {
            _ = try check("webpush", subscription: Self.subscription("https://push.example/a", keys))
            #expect(wrong == nil)
        } catch let error as ParleyError {
            #expect(error.code == .invalidField)
            #expect(error.detail.prefix { $0 != " " } == wrong ?? "")
        }
    }

    @Test func `a name has at most 100 characters`() {
        let long = JSONValue.string(String(repeating: "é", count: 101))
        #expect(throws: ParleyError(.invalidField, "name may have at most 100 characters")) {
            try check("apns", token: .string("a1"), name: long)
        }
    }
}
