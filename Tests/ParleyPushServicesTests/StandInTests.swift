import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import ParleyModel
import ParleyPushStandIns
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// The stand-ins refuse what the real services refuse: a provider that passes here has reason to pass there.
struct StandInTests {
    /// A good request for APNs, and one thing wrong with it.
    struct Case: Sendable, CustomTestStringConvertible {
        let reason: String
        var method = HTTPMethod.POST
        var path = "/3/device/\(APNsScene.token)"
        var fields: [String: String?] = [:]
        /// Comes a second time, with the same value.
        var doubled: String?
        var body = #"{"aps":{"alert":{"body":"Hello"}}}"#

        var testDescription: String { doubled.map { "\(reason) \($0)" } ?? reason }
    }

    static let cases: [Case] = [
        Case(reason: "MethodNotAllowed", method: .PUT),
        Case(reason: "BadPath", path: "/2/device/00"),
        Case(reason: "MissingDeviceToken", path: "/3/device/"),
        Case(reason: "BadDeviceToken", path: "/3/device/0a1b"),
        Case(reason: "BadDeviceToken", path: "/3/device/\(String(repeating: "xy", count: 32))"),
        Case(reason: "DuplicateHeaders", doubled: "authorization"),
        Case(reason: "DuplicateHeaders", doubled: "apns-topic"),
        Case(reason: "DuplicateHeaders", doubled: "apns-push-type"),
        Case(reason: "DuplicateHeaders", doubled: "apns-priority"),
        Case(reason: "DuplicateHeaders", fields: ["apns-id": UserID.random().description], doubled: "apns-id"),
        Case(reason: "DuplicateHeaders", fields: ["apns-expiration": "0"], doubled: "apns-expiration"),
        Case(reason: "DuplicateHeaders", fields: ["apns-collapse-id": "a"], doubled: "apns-collapse-id"),
        Case(reason: "MissingTopic", fields: ["apns-topic": nil]),
        Case(reason: "TopicDisallowed", fields: ["apns-topic": "org.example.other"]),
        Case(reason: "InvalidPushType", fields: ["apns-push-type": nil]),
        Case(reason: "InvalidPushType", fields: ["apns-push-type": "loud"]),
        Case(reason: "BadMessageId", fields: ["apns-id": "1"]),
        Case(reason: "BadCollapseId", fields: ["apns-collapse-id": String(repeating: "a", count: 65)]),
        Case(reason: "BadExpirationDate", fields: ["apns-expiration": "tomorrow"]),
        Case(reason: "BadPriority", fields: ["apns-priority": "7"]),
        Case(reason: "BadPriority", fields: ["apns-push-type": "background"], body: #"{"aps":{"content-available":1}}"#),
        Case(reason: "InvalidPushType", fields: ["apns-push-type": "background", "apns-priority": "5"]),
        Case(
            reason: "InvalidPushType", fields: ["apns-push-type": "background", "apns-priority": "5"],
            body: #"{"aps":{"content-available":1,"badge":0}}"#),
        Case(reason: "InvalidPushType", body: #"{"aps":{"content-available":1}}"#),
        Case(reason: "PayloadEmpty", body: ""),
        Case(reason: "PayloadEmpty", body: "{"),
        Case(reason: "PayloadEmpty", body: #"{"aps":{"badge":"3"}}"#),
        Case(reason: "PayloadTooLarge", body: #"{"aps":{"alert":"\#(String(repeating: "x", count: 4096))"}}"#),
        Case(reason: "MissingProviderToken", fields: ["authorization": nil]),
        Case(reason: "InvalidProviderToken", fields: ["authorization": "bearer a.b.c"]),
    ]

    @Test(arguments: cases)
    func `Apple's stand-in refuses a request with one thing wrong, and takes it without`(_ test: Case) async throws {
        try await withAPNs { standIn, client in
            let configuration = try Self.configuration(standIn)
            let token = try await APNsProviderToken.renewable(configuration, time: ManualTimeSource()).current().get()
            let good = Self.request(standIn.url, Case(reason: ""), bearer: token)
            #expect(try await client.send(good, until: .now() + .seconds(60)).get().status == 200)
            let bad = Self.request(standIn.url, test, bearer: token)
            let answer = try await client.send(bad, until: .now() + .seconds(60)).get()
            #expect(answer.status >= 400)
            #expect(String(decoding: answer.body, as: UTF8.self) == #"{"reason":"\#(test.reason)"}"#)
        }
    }

    static let tokens: [(issuedSecondsAgo: Double, keyID: String, teamID: String, reason: String?)] = [
        (0, "ABC1234567", "TEAM123456", nil), (3590, "ABC1234567", "TEAM123456", nil),
        (3610, "ABC1234567", "TEAM123456", "ExpiredProviderToken"), (-120, "ABC1234567", "TEAM123456", "InvalidProviderToken"),
        (0, "ABC1234568", "TEAM123456", "InvalidProviderToken"), (0, "ABC1234567", "TEAM123457", "InvalidProviderToken"),
    ]

    @Test(arguments: tokens)
    func `Apple's stand-in looks at a provider token's age, key and team`(
        issuedSecondsAgo: Double, keyID: String, teamID: String, reason: String?
    ) async throws {
        try await withAPNs { standIn, client in
            let configuration = try APNsConfiguration(
                key: APNsKey(pem: standIn.keyPEM), keyID: keyID, teamID: teamID, topic: APNsScene.topic, url: standIn.url)
            let issued = ManualTimeSource(Sample.time(-issuedSecondsAgo))
            let token = try await APNsProviderToken.renewable(configuration, time: issued).current().get()
            let request = Self.request(standIn.url, Case(reason: ""), bearer: token)
            let answer = try await client.send(request, until: .now() + .seconds(60)).get()
            #expect(answer.status == (reason == nil ? 200 : 403))
            #expect(String(decoding: answer.body, as: UTF8.self) == reason.map { #"{"reason":"\#($0)"}"# } ?? "")
        }
    }

    @Test func `Apple's stand-in refuses a second new provider token within 20 minutes`() async throws {
        try await withAPNs { standIn, client in
            let configuration = try Self.configuration(standIn)
            var reasons: [String] = []
            for second in [0.0, -1] {
                let time = ManualTimeSource(Sample.time(second))
                let token = try await APNsProviderToken.renewable(configuration, time: time).current().get()
                let answer = try await client.send(
                    Self.request(standIn.url, Case(reason: ""), bearer: token), until: .now() + .seconds(60)
                ).get()
                reasons.append(String(decoding: answer.body, as: UTF8.self))
            }
            #expect(reasons == ["", #"{"reason":"TooManyProviderTokenUpdates"}"#])
        }
    }

    static let messages: [(body: String, isAccepted: Bool)] = [
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","data":{"a":"b"}}}"#, true),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","data":{"a":1}}}"#, false),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","data":{"from":"b"}}}"#, false),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","data":{"google.a":"b"}}}"#, false),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","android":{"priority":"loud"}}}"#, false),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","android":{"ttl":"3600"}}}"#, false),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","android":{"ttl":"2419201s"}}}"#, false),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","unknown":1}}"#, false),
        (#"{"message":{"data":{}}}"#, false), ("{}", false), ("[", false),
        (#"{"message":{"token":"dQw4w9WgXcQ:APA91bH","data":{"a":"\#(String(repeating: "x", count: 4096))"}}}"#, false),
    ]

    @Test(arguments: messages)
    func `Google's stand-in looks into the message`(body: String, isAccepted: Bool) async throws {
        try await FCMScene.run { scene in
            #expect(await scene.send().isAccepted)
            let bearer = try #require(scene.standIn.record.requests.first?.field("authorization"))
            let client = try PushHTTPClient(limits: .patient, trustRoots: scene.standIn.trustRoots)
            var request = HTTPClientRequest(url: scene.standIn.url + "/v1/projects/parley-stand-in/messages:send")
            request.method = .POST
            request.headers = ["authorization": bearer, "content-type": "application/json"]
            request.body = .bytes(ByteBuffer(string: body))
            let answer = try await client.send(request, until: .now() + .seconds(60)).get()
            #expect(answer.status == (isAccepted ? 200 : 400))
            await client.close()
        }
    }

    @Test func `Google's stand-in refuses two access tokens, also where both are good`() async throws {
        try await FCMScene.run { scene in
            #expect(await scene.send().isAccepted)
            let bearer = try #require(scene.standIn.record.requests.first?.field("authorization"))
            let client = try PushHTTPClient(limits: .patient, trustRoots: scene.standIn.trustRoots)
            for (count, status) in [(1, 200), (2, 401)] {
                var request = HTTPClientRequest(url: scene.standIn.url + "/v1/projects/parley-stand-in/messages:send")
                request.method = .POST
                request.headers = ["content-type": "application/json"]
                for _ in 0..<count { request.headers.add(name: "authorization", value: bearer) }
                request.body = .bytes(ByteBuffer(string: Self.messages[0].body))
                #expect(try await client.send(request, until: .now() + .seconds(60)).get().status == status)
            }
            await client.close()
        }
    }

    @Test func `the stand-ins keep so many requests, and count all`() async throws {
        var configuration = APNsStandIn.Configuration()
        configuration.keptRequests = 3
        let standIn = APNsStandIn(configuration, time: ManualTimeSource())
        try await standIn.start(group: MultiThreadedEventLoopGroup.singleton)
        let client = try PushHTTPClient(limits: .patient, trustRoots: standIn.trustRoots)
        for id in 1...5 {
            let request = Self.request(standIn.url, Case(reason: "", fields: ["apns-collapse-id": "\(id)"]), bearer: "")
            _ = try await client.send(request, until: .now() + .seconds(60)).get()
        }
        #expect(standIn.record.requestCount == 5)
        #expect(standIn.record.requests.map { $0.field("apns-collapse-id") } == ["3", "4", "5"])
        await client.close()
        try await standIn.close()
    }

    // MARK: Setup

    private func withAPNs(_ body: (APNsStandIn, PushHTTPClient) async throws -> Void) async throws {
        await SceneTurns.shared.take()
        defer { SceneTurns.shared.give() }
        let standIn = APNsStandIn(time: ManualTimeSource())
        try await standIn.start(group: MultiThreadedEventLoopGroup.singleton)
        let client = try PushHTTPClient(limits: .patient, trustRoots: standIn.trustRoots)
        do { try await body(standIn, client) } catch { Issue.record(error) }
        await client.close()
        try await standIn.close()
    }

    private static func configuration(_ standIn: APNsStandIn) throws -> APNsConfiguration {
        try APNsConfiguration(
            key: APNsKey(pem: standIn.keyPEM), keyID: standIn.configuration.keyID, teamID: standIn.configuration.teamID,
            topic: APNsScene.topic, url: standIn.url)
    }

    private static func request(_ url: String, _ test: Case, bearer: String) -> HTTPClientRequest {
        var fields: [String: String?] = [
            "authorization": "bearer \(bearer)", "apns-topic": APNsScene.topic, "apns-push-type": "alert", "apns-priority": "10",
        ]
        for (name, value) in test.fields { fields[name] = .some(value) }
        var request = HTTPClientRequest(url: url + test.path)
        request.method = test.method
        request.headers = HTTPHeaders(fields.compactMap { name, value in value.map { (name, $0) } })
        if let name = test.doubled, case .some(let value?) = fields[name] { request.headers.add(name: name, value: value) }
        request.body = .bytes(ByteBuffer(string: test.body))
        return request
    }
}
