import NIOHTTP1
import ParleyModel
import ParleyPush
import ParleyPushStandIns
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// What becomes of Apple's answers.
struct APNsAnswerTests {
    enum Expected { case retry, rejected, gone }

    struct Case: Sendable, CustomTestStringConvertible {
        let status: Int
        let reason: String
        let expected: Expected
        /// Whether the service itself is in trouble, or does not know us.
        var isDown = false

        var testDescription: String { "\(status) \(reason)" }
    }

    static let cases: [Case] = [
        Case(status: 400, reason: "BadCollapseId", expected: .rejected),
        Case(status: 400, reason: "BadDeviceToken", expected: .rejected),
        Case(status: 400, reason: "DeviceTokenNotForTopic", expected: .rejected),
        Case(status: 400, reason: "PayloadEmpty", expected: .rejected),
        Case(status: 400, reason: "TopicDisallowed", expected: .retry, isDown: true),
        Case(status: 400, reason: "BadTopic", expected: .retry, isDown: true),
        Case(status: 400, reason: "MissingTopic", expected: .retry, isDown: true),
        Case(status: 400, reason: "IdleTimeout", expected: .retry, isDown: true),
        Case(status: 400, reason: "SomethingNew", expected: .rejected),
        Case(status: 403, reason: "InvalidProviderToken", expected: .retry, isDown: true),
        Case(status: 403, reason: "MissingProviderToken", expected: .retry, isDown: true),
        Case(status: 403, reason: "Forbidden", expected: .retry, isDown: true),
        Case(status: 403, reason: "BadEnvironmentKeyIdInToken", expected: .retry, isDown: true),
        Case(status: 404, reason: "BadPath", expected: .retry, isDown: true),
        Case(status: 405, reason: "MethodNotAllowed", expected: .retry, isDown: true),
        Case(status: 410, reason: "Unregistered", expected: .gone),
        Case(status: 410, reason: "ExpiredToken", expected: .gone),
        Case(status: 413, reason: "PayloadTooLarge", expected: .rejected),
        Case(status: 429, reason: "TooManyRequests", expected: .retry),
        Case(status: 429, reason: "TooManyProviderTokenUpdates", expected: .retry, isDown: true),
        Case(status: 500, reason: "InternalServerError", expected: .retry, isDown: true),
        Case(status: 503, reason: "ServiceUnavailable", expected: .retry, isDown: true),
        Case(status: 503, reason: "Shutdown", expected: .retry, isDown: true),
    ]

    @Test(arguments: cases)
    func `each of Apple's reasons has its consequence`(_ test: Case) {
        let verdict = Self.verdict(APNsStandIn.reply(test.status, test.reason))
        switch verdict.answer {
        case .retry: #expect(test.expected == .retry)
        case .unanswered: Issue.record("Apple has answered")
        case .rejected: #expect(test.expected == .rejected)
        case .deviceGone: #expect(test.expected == .gone)
        case .accepted: Issue.record("accepted")
        }
        if test.expected != .gone { #expect(verdict.answer.reason.hasPrefix("\(test.status) \(test.reason)")) }
        #expect((verdict.health != .up) == test.isDown)
        #expect(!verdict.refusesToken)
    }

    @Test(arguments: [404, 405, 421, 500, 502, 301])
    func `an answer that is none of Apple's is tried again`(status: Int) {
        let answer = Self.verdict(StandInReply(status: status, body: Array("<html>".utf8))).answer
        #expect(status == 421 ? answer == .rejected(reason: "status 421") : answer.isRetry)
    }

    @Test(arguments: [(500, false), (502, true), (503, false), (504, true)])
    func `a gateway without an answer leaves it open whether Apple has it`(status: Int, isOpen: Bool) {
        let verdict = Self.verdict(StandInReply(status: status, fields: [("retry-after", "8")], body: Array("<html>".utf8)))
        let reason = "status \(status)"
        #expect(verdict.answer == (isOpen ? .unanswered(after: 8, reason: reason) : .retry(after: 8, reason: reason)))
        #expect(verdict.health == .down(reason: reason))
    }

    @Test func `a reason that is no word is not repeated`() {
        let reply = APNsStandIn.reply(500, "token 0a1b is bad")
        #expect(Self.verdict(reply).answer == .retry(after: nil, reason: "status 500"))
    }

    @Test func `a device that is gone is gone since the time that Apple says`() async throws {
        try await APNsScene.run { scene in
            scene.standIn.unregister(APNsScene.token, since: Sample.time(-86_400))
            #expect(await scene.send() == .deviceGone(since: Sample.time(-86_400)))
        }
    }

    @Test func `a device that is gone may be so without a time`() async throws {
        try await APNsScene.run { scene in
            scene.standIn.unregister(APNsScene.token, since: nil)
            #expect(await scene.send() == .deviceGone(since: nil))
        }
    }

    @Test(arguments: [("7", 7.0), ("Thu, 01 Jan 2026 00:02:00 GMT", 120.0)])
    func `Retry-After is seconds or a date`(field: String, seconds: Double) async throws {
        try await APNsScene.run { scene in
            scene.standIn.misbehave(.reply(APNsStandIn.reply(503, "ServiceUnavailable", retryAfter: field)), forNext: 1)
            #expect(await scene.send() == .retry(after: seconds, reason: "503 ServiceUnavailable"))
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `reasons hold neither the text nor the device's token nor the provider token`() async throws {
        try await APNsScene.run(limits: .impatient) { scene in
            let behaviours: [StandInBehaviour] = [
                .silence, .closeConnection, .resetStream(code: 2), .reply(APNsStandIn.reply(400, "BadDeviceToken")),
                .reply(APNsStandIn.reply(503, "ServiceUnavailable")),
            ]
            for behaviour in behaviours {
                scene.standIn.misbehave(behaviour, forNext: 100)
                let reason = await scene.send().reason
                #expect(!reason.isEmpty)
                for secret in ["Hello", "Ada", APNsScene.token] + scene.bearers { #expect(!reason.contains(secret)) }
                scene.standIn.behave()
            }
        }
    }

    private static func verdict(_ reply: StandInReply) -> ServiceVerdict {
        let answer = HTTPAnswer(status: reply.status, headers: HTTPHeaders(reply.fields.map { ($0.name, $0.value) }), body: reply.body)
        return APNsVerdict(answer: answer, now: Sample.start).verdict
    }
}
