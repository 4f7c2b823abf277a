import HTTPTypes
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@Suite(.timeLimit(.minutes(1)))
struct MediaTests {
    @Test func `media are registered and answered as they were described`() async throws {
        try await Parley.run { parley in
            let answer = try await parley.call(.post, "/v1/media", as: ada, Body.image)
            #expect(answer.status == 201)
            let id = try answer.string("id")
            let expected: JSONValue = [
                "id": .string(id), "owner_id": .id(ada), "kind": "image", "name": "cat.jpg", "size": 204_800, "content_type": "image/jpeg",
                "url": "https://files.example/cat.jpg", "width": 1200, "height": 800, "duration_ms": .null,
                "created_at": "2026-01-01T00:00:00.000Z",
            ]
            #expect(answer.json == expected)
            #expect(try await parley.call(.get, "/v1/media/\(id)", as: ada).bytes == answer.bytes)
        }
    }

    static let wrong: [(String, JSONValue?, ErrorCode)] = [
        ("kind", nil, .missingField), ("kind", "sticker", .invalidField), ("kind", 5, .invalidField), ("name", nil, .missingField),
        ("name", "", .invalidField), ("name", .string(String(repeating: "a", count: 256)), .invalidField),
        ("name", "a\u{0}", .invalidField),
        ("size", nil, .missingField), ("size", -1, .invalidField), ("size", "5", .invalidField), ("size", .number(1.5), .invalidField),
        ("size", 9_007_199_254_740_992, .invalidField), ("content_type", nil, .missingField), ("content_type", "jpeg", .invalidField),
        ("content_type", "image/", .invalidField), ("content_type", "image/jp eg", .invalidField), ("url", nil, .missingField),
        ("url", "", .invalidField), ("url", "ftp://files.example/a", .invalidField), ("url", "javascript:alert(1)", .invalidField),
        ("url", "https://", .invalidField), ("url", "https:///a", .invalidField), ("url", "https://files.example/a b", .invalidField),
        ("url", "https://files.example/\"onload", .invalidField), ("url", "//files.example/a", .invalidField),
        ("url", .string("https://files.example/" + String(repeating: "a", count: 2048)), .invalidField), ("width", -1, .invalidField),
        ("width", "5", .invalidField), ("height", -1, .invalidField), ("duration_ms", -1, .invalidField),
        ("duration_ms", [], .invalidField),
    ]

    @Test(arguments: wrong)
    func `a wrong field is refused`(_ field: String, _ value: JSONValue?, _ code: ErrorCode) async throws {
        try await Parley.run { parley in
            expect(try await parley.call(.post, "/v1/media", as: ada, Body.image.with(field, value)), refuses: code)
            #expect(try await parley.call(.post, "/v1/media", as: ada, Body.image).status == 201)
        }
    }

    @Test func `attached media come with the message, in the order of their ids, and with its repeat`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let ids = [try await parley.registerImage(), try await parley.registerImage(), try await parley.registerImage()]
            let body: JSONValue = ["message_type": "image", "media_ids": .array(ids.map { .string($0) }), "client_message_id": "key"]
            let sent = try await parley.call(.post, path + "/messages", as: ada, body)
            #expect(sent.status == 201)
            #expect(sent["media"]?.items.compactMap { $0["id"]?.text } == ids)
            let read = try await parley.call(.get, "/v1/media/\(ids[0])", as: ada)
            #expect(sent["media"]?.items.first == read.json)
            #expect(try await parley.call(.get, path + "/messages", as: ben)["messages"]?.items.first == sent.json)
            #expect(try await parley.call(.post, path + "/messages", as: ada, body).bytes == sent.bytes)
        }
    }

    @Test func `media are seen by their owner and by participants of a conversation they were sent in (P7)`() async throws {
        try await Parley.run { parley in
            let path = try await parley.group([ben, cleo])
            let id = try await parley.registerImage()
            let media = "/v1/media/\(id)"
            expect(try await parley.call(.get, media, as: ben), refuses: .mediaNotFound)
            let body: JSONValue = ["message_type": "image", "media_ids": [.string(id)]]
            #expect(try await parley.call(.post, path + "/messages", as: ada, body).status == 201)
            #expect(try await parley.call(.get, media, as: ben).status == 200)
            #expect(try await parley.call(.get, media.uppercased().replacing("/V1/MEDIA", with: "/v1/media"), as: cleo).status == 200)
            expect(try await parley.call(.get, media, as: dan), refuses: .mediaNotFound)
            #expect(try await parley.call(.delete, path + "/participants/\(ben)", as: ada).status == 204)
            expect(try await parley.call(.get, media, as: ben), refuses: .mediaNotFound)
            #expect(try await parley.call(.delete, path + "/participants/\(cleo)", as: cleo).status == 204)
            expect(try await parley.call(.get, media, as: cleo), refuses: .mediaNotFound)
            #expect(try await parley.call(.get, media, as: ada).status == 200)
            expect(try await parley.call(.get, "/v1/media/\(MediaID.random())", as: ada), refuses: .mediaNotFound)
            expect(try await parley.call(.get, "/v1/media/cat", as: ada), refuses: .invalidID)
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct DeviceTests {
    static let keys: JSONValue = [
        "p256dh": "BNcRdreALRFXTkOOUHK1EtK2wtaz5Ry4YfYCA_0QTpQtUbVlUls0VJXg7A8u-Ts1XbjhazAkj7I99e8QcYP7DkM",
        "auth": "tBHItJI5svbpez7KI4CCXg",
    ]
    static let subscription: JSONValue = ["endpoint": "https://push.example/abc", "keys": keys]

    static let good: [JSONValue] = [
        ["kind": "apns", "token": "a1b2", "name": "Ada's phone"], ["kind": "fcm", "token": "a1b2"],
        ["kind": "webpush", "subscription": subscription],
    ]

    @Test func `devices of every kind are registered, listed and removed`() async throws {
        try await Parley.run { parley in
            var ids: [String] = []
            for body in Self.good {
                let answer = try await parley.call(.post, "/v1/devices", as: ada, body)
                #expect(answer.status == 201)
                #expect(answer.json.names == ["id", "kind", "token", "subscription", "name", "created_at", "registered_at"])
                for name in ["kind", "token", "subscription", "name"] { #expect(answer[name] == body[name] ?? .null) }
                ids.append(try answer.string("id"))
            }
            let list = try await parley.call(.get, "/v1/devices", as: ada)
            #expect(list["devices"]?.items.compactMap { $0["id"]?.text } == ids)
            #expect(try await parley.call(.get, "/v1/devices", as: ben).json == ["devices": []])
            expect(try await parley.call(.delete, "/v1/devices/\(ids[0])", as: ben), refuses: .deviceNotFound)
            expect(try await parley.call(.delete, "/v1/devices/phone", as: ada), refuses: .invalidID)
            let removal = try await parley.call(.delete, "/v1/devices/\(ids[0])", as: ada)
            #expect(removal.status == 204)
            expect(try await parley.call(.delete, "/v1/devices/\(ids[0])", as: ada), refuses: .deviceNotFound)
            #expect(try await parley.call(.get, "/v1/devices", as: ada)["devices"]?.items.count == 2)
        }
    }

    @Test(arguments: good)
    func `registering a known device again moves it to the one who did`(_ body: JSONValue) async throws {
        try await Parley.run { parley in
            let first = try await parley.call(.post, "/v1/devices", as: ada, body)
            let again = try await parley.call(.post, "/v1/devices", as: ada, body)
            #expect(again.status == 200)
            #expect(again["id"] == first["id"])
            #expect(try await parley.call(.get, "/v1/devices", as: ada)["devices"]?.items.count == 1)
            #expect(try await parley.call(.post, "/v1/devices", as: ben, body).status == 200)
            #expect(try await parley.call(.get, "/v1/devices", as: ada)["devices"] == [])
            #expect(try await parley.call(.get, "/v1/devices", as: ben)["devices"]?.items.count == 1)
        }
    }

    static let wrong: [(JSONValue, ErrorCode)] = [
        (good[0].with("kind", nil), .missingField), (good[0].with("kind", "pager"), .invalidField),
        (good[0].with("kind", 5), .invalidField),
        (good[0].with("token", nil), .missingField), (good[0].with("token", ""), .invalidField), (good[0].with("token", 5), .invalidField),
        (good[0].with("token", "a\u{0}"), .invalidField),
        (good[1].with("token", .string(String(repeating: "a", count: 4097))), .invalidField),
        (good[0].with("name", 5), .invalidField), (good[0].with("name", .string(String(repeating: "a", count: 101))), .invalidField),
        (good[2].with("subscription", nil), .missingField), (good[2].with("subscription", "x"), .invalidField),
        (good[2].with("subscription", subscription.with("endpoint", nil)), .missingField),
        (good[2].with("subscription", subscription.with("endpoint", "http://push.example/abc")), .invalidField),
        (good[2].with("subscription", subscription.with("keys", nil)), .missingField),
        (good[2].with("subscription", subscription.with("keys", keys.with("p256dh", nil))), .missingField),
        (good[2].with("subscription", subscription.with("keys", keys.with("auth", 5))), .invalidField),
        (good[2].with("subscription", subscription.with("keys", keys.with("p256dh", "BNcRd"))), .invalidField),
        (["kind": "webpush", "token": "a1b2"], .missingField), (["kind": "apns", "subscription": subscription], .missingField),
    ]

    @Test(arguments: wrong)
    func `a wrong field is refused and no device is made`(_ body: JSONValue, _ code: ErrorCode) async throws {
        try await Parley.run { parley in
            expect(try await parley.call(.post, "/v1/devices", as: ada, body), refuses: code)
            #expect(try await parley.call(.get, "/v1/devices", as: ada).json == ["devices": []])
        }
    }

    @Test func `a subscription that nothing can be sent to is refused, and no device is made`() async throws {
        var setup = Parley.Setup()
        setup.checkSubscription = { subscription throws(ParleyError) in
            if subscription.endpoint.contains("inside") { throw ParleyError(.invalidField, "endpoint leads inside") }
        }
        try await Parley.run(setup) { parley in
            let inside = Self.good[2].with("subscription", Self.subscription.with("endpoint", "https://inside.example/a"))
            expect(try await parley.call(.post, "/v1/devices", as: ada, inside), refuses: .invalidField, "endpoint leads inside")
            #expect(try await parley.call(.get, "/v1/devices", as: ada).json == ["devices": []])
            #expect(try await parley.call(.post, "/v1/devices", as: ada, Self.good[2]).status == 201)
        }
    }

    @Test func `browsers are told the key of Web Push, where there is one`() async throws {
        try await Parley.run { parley in
            expect(try await parley.call(.get, "/v1/push/webpush-key", as: ada), refuses: .webPushDisabled)
        }
        var setup = Parley.Setup()
        setup.webPushKey = "BPm5"
        try await Parley.run(setup) { parley in
            let answer = try await parley.call(.get, "/v1/push/webpush-key", as: ada)
            #expect(answer.json == ["public_key": "BPm5"])
        }
    }

    @Test func `a user has at most 50 devices (P8)`() async throws {
        try await Parley.run { parley in
            for number in 1...50 {
                #expect(
                    try await parley.call(.post, "/v1/devices", as: ada, ["kind": "apns", "token": .string("\(number)")]).status == 201)
            }
            expect(try await parley.call(.post, "/v1/devices", as: ada, ["kind": "apns", "token": "51"]), refuses: .tooManyDevices)
            #expect(try await parley.call(.post, "/v1/devices", as: ada, ["kind": "apns", "token": "7"]).status == 200)
            #expect(try await parley.call(.post, "/v1/devices", as: ben, ["kind": "apns", "token": "51"]).status == 201)
            expect(try await parley.call(.post, "/v1/devices", as: ada, ["kind": "apns", "token": "51"]), refuses: .tooManyDevices)
            #expect(try await parley.call(.get, "/v1/devices", as: ada)["devices"]?.items.count == 50)
        }
    }
}

@Suite(.timeLimit(.minutes(1)))
struct PresenceTests {
    @Test func `presence is told to oneself and to those who share a conversation (P7)`() async throws {
        try await Parley.run { parley in
            let route = "/v1/users/\(ben)/presence"
            expect(try await parley.call(.get, route, as: ada), refuses: .notAParticipant)
            #expect(try await parley.call(.get, route, as: ben).json == ["online": false, "last_seen_at": .null])
            let path = try await parley.group([ben])
            #expect(try await parley.call(.get, route, as: ada).json == ["online": false, "last_seen_at": .null])
            await parley.presence.arrived(ben)
            await parley.presence.arrived(ben)
            #expect(try await parley.call(.get, route, as: ada)["online"] == true)
            parley.time.advance(bySeconds: 5)
            await parley.presence.left(ben, at: parley.time.now())
            #expect(try await parley.call(.get, route, as: ada)["online"] == true)
            await parley.presence.left(ben, at: parley.time.now())
            #expect(try await parley.call(.get, route, as: ada).json == ["online": false, "last_seen_at": "2026-01-01T00:00:05.000Z"])
            expect(try await parley.call(.get, route, as: cleo), refuses: .notAParticipant)
            #expect(try await parley.call(.delete, path + "/participants/\(ben)", as: ada).status == 204)
            expect(try await parley.call(.get, route, as: ada), refuses: .notAParticipant)
            expect(try await parley.call(.get, "/v1/users/ben/presence", as: ada), refuses: .invalidID)
        }
    }
}
