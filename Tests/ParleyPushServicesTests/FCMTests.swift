import NIOHTTP1
import ParleyModel
import ParleyPush
import ParleyPushStandIns
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// What Google's servers get to see, and what becomes of their answers.
struct FCMTests {
    @Test func `an alert has everything that Android needs to show it`() async throws {
        try await FCMScene.run({ $0.channelID = "chat" }) { scene in
            #expect(await scene.send() == .accepted(id: "projects/parley-stand-in/messages/1"))
            let json = try #require(scene.standIn.record.requests.first).json
            #expect(json[["message", "token"]] == .string(FCMScene.token))
            #expect(json[["message", "notification", "title"]] == .string("Ada"))
            #expect(json[["message", "notification", "body"]] == .string("Hello"))
            #expect(json[["message", "android", "priority"]] == .string("HIGH"))
            #expect(json[["message", "android", "ttl"]] == .string("3600s"))
            #expect(json[["message", "android", "collapse_key"]] == nil)
            #expect(json[["message", "android", "notification", "tag"]] == .string(PushMessage.sample().messageID.description))
            #expect(json[["message", "android", "notification", "channel_id"]] == .string("chat"))
            #expect(json[["message", "data", "sequence_number"]] == .string("42"))
            #expect(json[["message", "data", "badge"]] == .string("3"))
            #expect(json[["message", "data", "text"]] == nil)
        }
    }

    @Test func `the data form leaves the showing to the app`() async throws {
        try await FCMScene.run({ $0.form = .data }) { scene in
            #expect(await scene.send().isAccepted)
            let json = try #require(scene.standIn.record.requests.first).json
            #expect(json[["message", "notification"]] == nil)
            #expect(json[["message", "android", "notification"]] == nil)
            #expect(json[["message", "data", "title"]] == .string("Ada"))
            #expect(json[["message", "data", "text"]] == .string("Hello"))
            #expect(json[["message", "android", "priority"]] == .string("HIGH"))
        }
    }

    @Test(arguments: FCMConfiguration.Form.allCases)
    func `what was read elsewhere is data of normal priority, and takes the place of what waits`(form: FCMConfiguration.Form) async throws {
        try await FCMScene.run({ $0.form = form }) { scene in
            #expect(await scene.send(.read, badge: 0).isAccepted)
            #expect(await scene.send(.message(.sample(text: "12 new messages", count: 12))).isAccepted)
            let requests = scene.standIn.record.requests
            try #require(requests.count == 2)
            let read = try requests[0].json
            #expect(read[["message", "notification"]] == nil)
            #expect(read[["message", "android", "priority"]] == .string("NORMAL"))
            #expect(read[["message", "data", "type"]] == .string("read"))
            #expect(read[["message", "data", "badge"]] == .string("0"))
            #expect(read[["message", "data", "last_read_sequence"]] == .string("42"))
            let summary = try requests[1].json
            let key = read[["message", "android", "collapse_key"]]
            #expect(key == .string(ConversationID.sample.description))
            #expect(summary[["message", "android", "collapse_key"]] == key)
            if form == .notification { #expect(summary[["message", "android", "notification", "tag"]] == key) }
        }
    }

    @Test func `where the text is not told, the alert is general`() async throws {
        try await FCMScene.run({ $0.genericAlert.localizationKey = "new_messages" }) { scene in
            #expect(await scene.send(.message(.sample(title: nil, text: nil, count: 5))).isAccepted)
            let json = try #require(scene.standIn.record.requests.first).json
            #expect(json[["message", "android", "notification", "body_loc_key"]] == .string("new_messages"))
            #expect(json[["message", "android", "notification", "body_loc_args"]] == .array([.string("5")]))
            #expect(json[["message", "notification", "body"]] == nil)
        }
        try await FCMScene.run { scene in
            #expect(await scene.send(.message(.sample(title: nil, text: nil))).isAccepted)
            let json = try #require(scene.standIn.record.requests.first).json
            #expect(json[["message", "notification", "body"]] == .string("New message"))
        }
    }

    // MARK: Answers

    @Test func `a device that is not registered any more is gone`() async throws {
        try await FCMScene.run { scene in
            scene.standIn.unregister(FCMScene.token)
            #expect(await scene.send() == .deviceGone(since: nil))
        }
    }

    @Test(arguments: ["short", "has spaces in it", "bad/characters/in/it"])
    func `what FCM calls no token is gone, other wrong arguments are only refused`(token: String) async throws {
        try await FCMScene.run { scene in
            #expect(await scene.send(to: token) == .deviceGone(since: nil))
            scene.standIn.misbehave(.reply(FCMStandIn.reply(400, "INVALID_ARGUMENT")), forNext: 1)
            #expect(await scene.send() == .rejected(reason: "400 INVALID_ARGUMENT"))
        }
    }

    static let malformed: [(error: String, isGone: Bool)] = [
        (#"{"code":400,"status":"INVALID_ARGUMENT","message":"The registration token is not a valid FCM registration token"}"#, true),
        (#"{"status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"message.token"}]}]}"#, true),
        (#"{"status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"message.token"},{"field":"message.data"}]}]}"#, false),
        (#"{"status":"INVALID_ARGUMENT","details":[{"fieldViolations":[{"field":"message.data"}]}]}"#, false),
        (#"{"status":"INVALID_ARGUMENT","message":"Request contains an invalid argument."}"#, false),
    ]

    @Test(arguments: malformed)
    func `a device is given up only when the argument that is wrong is its token`(error: String, isGone: Bool) {
        let answer = HTTPAnswer(status: 400, headers: [:], body: Array(#"{"error":\#(error)}"#.utf8))
        let verdict = FCMVerdict(answer: answer, now: Sample.start).verdict
        #expect(verdict == .up(isGone ? .deviceGone(since: nil) : .rejected(reason: "400 INVALID_ARGUMENT")))
    }

    static let answers: [(status: Int, code: String, after: Double?, isRetry: Bool)] = [
        (403, "SENDER_ID_MISMATCH", nil, false), (429, "QUOTA_EXCEEDED", 60, true), (503, "UNAVAILABLE", nil, true),
        (500, "INTERNAL", nil, true), (401, "THIRD_PARTY_AUTH_ERROR", nil, true), (403, "PERMISSION_DENIED", nil, true),
        (404, "NOT_FOUND", nil, true), (413, "TOO_LARGE", nil, false),
    ]

    @Test(arguments: answers)
    func `each of Google's codes has its consequence`(status: Int, code: String, after: Double?, isRetry: Bool) {
        let reply = FCMStandIn.reply(status, code)
        let answer = HTTPAnswer(status: status, headers: HTTPHeaders(reply.fields.map { ($0.name, $0.value) }), body: reply.body)
        let verdict = FCMVerdict(answer: answer, now: Sample.start).verdict
        #expect(verdict.answer.isRetry == isRetry)
        #expect(verdict.answer.reason.hasPrefix("\(status) \(code)"))
        #expect((verdict.health != .up) == isRetry)
        if case .retry(let seconds, _) = verdict.answer { #expect(seconds == after) }
    }

    @Test(arguments: [("30", 30.0), ("Thu, 01 Jan 2026 00:02:00 GMT", 120.0)])
    func `Retry-After is seconds or a date`(field: String, seconds: Double) async throws {
        try await FCMScene.run { scene in
            scene.standIn.misbehave(.reply(FCMStandIn.reply(503, "UNAVAILABLE", retryAfter: field)), forNext: 1)
            #expect(await scene.send() == .retry(after: seconds, reason: "503 UNAVAILABLE"))
        }
    }

    @Test(arguments: [("7", 7.0), (nil, 60.0), ("soon", 60.0)] as [(String?, Double)])
    func `after too many messages it waits as long as Google says, or a minute`(field: String?, seconds: Double) {
        let reply = FCMStandIn.reply(429, "QUOTA_EXCEEDED", retryAfter: field)
        let answer = HTTPAnswer(status: 429, headers: HTTPHeaders(reply.fields.map { ($0.name, $0.value) }), body: reply.body)
        let verdict = FCMVerdict(answer: answer, now: Sample.start).verdict
        #expect(verdict.answer == .retry(after: seconds, reason: "429 QUOTA_EXCEEDED"))
    }

    @Test(arguments: [(500, false), (502, true), (503, false), (504, true)])
    func `a gateway without an answer leaves it open whether Google has it`(status: Int, isOpen: Bool) {
        let answer = HTTPAnswer(status: status, headers: ["retry-after": "8"], body: Array("<html>".utf8))
        let verdict = FCMVerdict(answer: answer, now: Sample.start).verdict
        let reason = "status \(status)"
        #expect(verdict.answer == (isOpen ? .unanswered(after: 8, reason: reason) : .retry(after: 8, reason: reason)))
        #expect(verdict.health == .down(reason: reason))
    }

    @Test(arguments: [(90.9, "90s"), (0, "0s"), (-5, "0s"), (100 * 86_400, "2419200s")] as [(Double, String)])
    func `Google keeps it until it expires, and for four weeks at most`(seconds: Double, field: String) throws {
        let address = PushAddress.fcm(token: FCMScene.token)
        // The sample expires an hour after its time.
        let notification = PushNotification.sample(
            .message(.sample()), to: address, badge: nil, at: Sample.start.advanced(bySeconds: seconds - 3600))
        let message = FCMMessage(form: .notification, channelID: nil, genericAlert: GenericAlert(), now: Sample.start)
        guard case .object(let json) = try JSONParser.parse(message.bytes(notification, token: FCMScene.token)) else {
            throw NotAnObject()
        }
        #expect(json[["message", "android", "ttl"]] == .string(field))
    }

    @Test func `without an answer it is to be tried later`() async throws {
        try await FCMScene.run(limits: .impatient) { scene in
            scene.standIn.misbehave(.silence, forNext: 1)
            #expect(await scene.send() == .unanswered(after: nil, reason: "no answer in time"))
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `closed streams, GOAWAY and closed connections are tried again at once`() async throws {
        try await FCMScene.run { scene in
            for behaviour in [StandInBehaviour.resetStream(code: 7), .goAway, .closeConnection] {
                scene.standIn.misbehave(behaviour, forNext: 1)
                #expect(await scene.send().isAccepted)
            }
        }
    }

    // MARK: Access tokens

    @Test func `one access token serves many, and is renewed before it ends`() async throws {
        try await FCMScene.run { scene in
            await withTaskGroup(of: PushAnswer.self) { group in
                for id in 1...100 { group.addTask { await scene.send(.message(.sample(id: UInt32(id)))) } }
                for await answer in group { #expect(answer.isAccepted) }
            }
            scene.time.advance(bySeconds: 3200)
            #expect(await scene.send().isAccepted)
            #expect(scene.standIn.tokenRecord.acceptedCount == 1)
            scene.time.advance(bySeconds: 150)
            #expect(await scene.send().isAccepted)
            try await eventually {
                #expect(await scene.send().isAccepted)
                return scene.bearers.count == 2
            }
            scene.time.advance(bySeconds: 86_400)
            #expect(await scene.send().isAccepted)
            #expect(scene.standIn.record.refusals.isEmpty)
        }
    }

    @Test func `an access token that is refused is renewed, and the message sent again`() async throws {
        try await FCMScene.run { scene in
            #expect(await scene.send().isAccepted)
            scene.time.advance(bySeconds: 60)
            scene.standIn.revokeAccessTokens()
            #expect(await scene.send().isAccepted)
            #expect(scene.standIn.record.refusals == ["UNAUTHENTICATED": 1])
            #expect(scene.standIn.tokenRecord.acceptedCount == 2)
        }
    }

    @Test func `a new access token that is refused is not asked for again at once`() async throws {
        try await FCMScene.run { scene in
            scene.standIn.misbehave(.reply(FCMStandIn.reply(401, "UNAUTHENTICATED")), forNext: 9)
            for _ in 1...5 { #expect(await scene.send().reason == "401 UNAUTHENTICATED") }
            #expect(scene.standIn.tokenRecord.requestCount == 1)
        }
    }

    @Test func `a key that was deleted is said so, and does not hammer`() async throws {
        try await FCMScene.run { scene in
            scene.standIn.misbehave(.reply(FCMStandIn.tokenError("invalid_grant")), forNext: 100, at: .tokens)
            let sentence =
                "no access token for the service account: status 400 invalid_grant: was the key deleted, or is this "
                + "machine's clock wrong?"
            for _ in 1...20 { #expect(await scene.send() == .retry(after: 1, reason: sentence)) }
            #expect(scene.standIn.tokenRecord.requestCount == 1)
            scene.time.advance(bySeconds: 1)
            #expect(await scene.send() == .retry(after: 2, reason: sentence))
            #expect(scene.standIn.tokenRecord.requestCount == 2)
            scene.standIn.behave()
            scene.time.advance(bySeconds: 2)
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `access tokens are asked for again when Google says, and not before`() async throws {
        try await FCMScene.run { scene in
            scene.standIn.misbehave(.reply(FCMStandIn.reply(503, "UNAVAILABLE", retryAfter: "40")), forNext: 1, at: .tokens)
            let sentence = "no access token for the service account: status 503"
            #expect(await scene.send() == .retry(after: 40, reason: sentence))
            scene.time.advance(bySeconds: 39)
            #expect(await scene.send() == .retry(after: 1, reason: sentence))
            #expect(scene.standIn.tokenRecord.requestCount == 1)
            scene.time.advance(bySeconds: 1)
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `a wrong clock is refused by Google, too`() async throws {
        try await FCMScene.run { scene in
            let account = try FCMServiceAccount(json: scene.standIn.serviceAccount())
            let client = try PushHTTPClient(limits: .patient, trustRoots: scene.standIn.trustRoots)
            let early = ManualTimeSource(Sample.time(-7200))
            let provider = FCMPushProvider(try FCMConfiguration(account: account, url: scene.standIn.url), client: client, time: early)
            let answer = await provider.send(
                .sample(.message(.sample()), to: .fcm(token: FCMScene.token), badge: nil, at: early.now()))
            #expect(answer.reason.contains("invalid_grant"))
            await client.close()
        }
    }
}
