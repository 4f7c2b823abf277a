import AsyncHTTPClient
import ParleyModel
import ParleyPush
import ParleyPushStandIns
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// A push service that does not answer, or not as it should.
struct PushFailureTests {
    @Test func `no answer ends in time, to be tried again`() async throws {
        try await APNsScene.run(limits: .impatient) { scene in
            scene.standIn.misbehave(.silence, forNext: 1)
            #expect(await scene.send() == .unanswered(after: nil, reason: "no answer in time"))
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `what is refused at the second try may have been taken at the first`() async throws {
        try await APNsScene.run { scene in
            scene.standIn.misbehave(.closeConnection, forNext: 1)
            scene.standIn.misbehave(.reply(APNsStandIn.reply(503, "ServiceUnavailable", retryAfter: "9")), forNext: 1)
            #expect(await scene.send() == .unanswered(after: 9, reason: "503 ServiceUnavailable"))
            scene.standIn.misbehave(.closeConnection, forNext: 1)
            scene.standIn.misbehave(.reply(APNsStandIn.reply(400, "BadDeviceToken")), forNext: 1)
            guard case .rejected = await scene.send() else {
                Issue.record("not rejected")
                return
            }
        }
    }

    static let failures: [(HTTPFailure, Bool)] = [
        (.timedOut, true), (.closed, true), (.answerTooLarge, true), (.cancelled, true), (.other("Surprise"), true), (.notBegun, false),
        (.unreachable("nobody is there"), false), (.shutDown, false),
    ]

    @Test(arguments: failures)
    func `only what never left was certainly not taken`(failure: HTTPFailure, mayBeTaken: Bool) {
        #expect(failure.mayBeTaken == mayBeTaken)
    }

    @Test func `errors of the client mean what they say`() {
        let meanings: [(any Error, HTTPFailure)] = [
            (HTTPClientError.deadlineExceeded, .timedOut), (HTTPClientError.readTimeout, .timedOut),
            (HTTPClientError.getConnectionFromPoolTimeout, .notBegun), (HTTPClientError.alreadyShutdown, .shutDown),
            (HTTPClientError.connectTimeout, .unreachable("the server did not accept it in time")),
            (HTTPClientError.remoteConnectionClosed, .closed), (HTTPClientError.cancelled, .closed), (CancellationError(), .cancelled),
        ]
        for (error, failure) in meanings { #expect(HTTPFailure(error) == failure) }
    }

    @Test(arguments: [StandInBehaviour.goAway, .closeConnection, .resetStream(code: 7), .resetStream(code: 2)])
    func `a closed connection or stream is tried again on another at once`(_ behaviour: StandInBehaviour) async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send().isAccepted)
            scene.standIn.misbehave(behaviour, forNext: 1)
            #expect(await scene.send().isAccepted)
            #expect(scene.standIn.record.requestCount == 3)
        }
    }

    @Test func `GOAWAY in the middle of many loses none`() async throws {
        try await APNsScene.run { scene in
            for round in 0..<5 {
                scene.standIn.misbehave(.goAway, forNext: 1)
                await withTaskGroup(of: PushAnswer.self) { group in
                    for id in 1...50 { group.addTask { await scene.send(.message(.sample(id: UInt32(round * 100 + id)))) } }
                    for await answer in group { #expect(answer.isAccepted || answer.isRetry) }
                }
            }
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `who goes on closing is left to the worker`() async throws {
        try await APNsScene.run { scene in
            scene.standIn.misbehave(.closeConnection, forNext: 1000)
            #expect(await scene.send() == .unanswered(after: nil, reason: "the connection was closed before the answer"))
            #expect((1...3).contains(scene.standIn.record.requestCount))
        }
    }

    @Test func `a server that is not there is said so`() async throws {
        try await APNsScene.run { scene in
            try await scene.standIn.close()
            let answer = await scene.send()
            #expect(answer == .retry(after: nil, reason: "no connection: the server does not accept connections"))
        }
    }

    @Test func `a server that is not trusted gets nothing`() async throws {
        try await APNsScene.run { scene in
            let configuration = try APNsConfiguration(
                key: APNsKey(pem: scene.standIn.keyPEM), keyID: scene.standIn.configuration.keyID,
                teamID: scene.standIn.configuration.teamID, topic: APNsScene.topic, url: scene.standIn.url)
            let client = try PushHTTPClient(limits: .patient)
            let provider = APNsPushProvider(configuration, client: client, time: scene.time)
            let answer = await provider.send(
                .sample(.message(.sample()), to: .apns(token: APNsScene.token), badge: nil, at: scene.time.now()))
            #expect(answer.reason.contains("certificate"))
            #expect(scene.standIn.record.requestCount == 0)
            await client.close()
        }
    }

    @Test func `only so many are under way, the others are told so at once`() async throws {
        var limits = PushServiceLimits.impatient
        limits.maxUnderWay = 4
        try await APNsScene.run(limits: limits) { scene in
            scene.standIn.misbehave(.silence, forNext: 4)
            await withTaskGroup(of: PushAnswer.self) { group in
                for _ in 1...4 { group.addTask { await scene.send() } }
                try? await eventually { scene.standIn.record.requestCount == 4 }
                #expect(await scene.send() == .retry(after: 1, reason: "4 requests are under way already"))
                for await answer in group { #expect(answer == .unanswered(after: nil, reason: "no answer in time")) }
            }
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `a service that keeps failing is left alone for a while, and then asked by one`() async throws {
        var limits = PushServiceLimits.patient
        limits.maxFailures = 3
        try await APNsScene.run(limits: limits) { scene in
            scene.standIn.misbehave(.reply(APNsStandIn.reply(500, "InternalServerError")), forNext: 4)
            for _ in 1...3 { #expect(await scene.send().reason == "500 InternalServerError") }
            let refused = PushAnswer.retry(
                after: 5, reason: "the push service is not asked for a while; its last failure: 500 InternalServerError")
            #expect(await scene.send() == refused)
            #expect(scene.standIn.record.requestCount == 3)
            scene.time.advance(bySeconds: 5)
            #expect(await scene.send().reason == "500 InternalServerError")
            #expect(scene.standIn.record.requestCount == 4)
            scene.time.advance(bySeconds: 9)
            #expect(await scene.send().reason == refused.reason)
            scene.time.advance(bySeconds: 1)
            for _ in 1...5 { #expect(await scene.send().isAccepted) }
        }
    }

    @Test func `refusals of notifications are no failures of the service`() async throws {
        var limits = PushServiceLimits.patient
        limits.maxFailures = 3
        try await APNsScene.run(limits: limits) { scene in
            scene.standIn.misbehave(.reply(APNsStandIn.reply(400, "BadDeviceToken")), forNext: 5)
            scene.standIn.misbehave(.reply(APNsStandIn.reply(429, "TooManyRequests")), forNext: 5)
            for _ in 1...10 { #expect(await !scene.send().isAccepted) }
            #expect(await scene.send().isAccepted)
        }
    }

    @Test func `connections on which nothing is answered any more are given up`() async throws {
        var limits = PushServiceLimits.impatient
        limits.maxFailures = 2
        try await APNsScene.run(limits: limits) { scene in
            #expect(await scene.send().isAccepted)
            let before = scene.standIn.record.connectionCount
            scene.standIn.misbehave(.silence, forNext: 2)
            for _ in 1...2 { #expect(await scene.send().isRetry) }
            scene.time.advance(bySeconds: 5)
            #expect(await scene.send().isAccepted)
            #expect(scene.standIn.record.connectionCount > before)
        }
    }

    @Test func `one service at a standstill does not delay the other`() async throws {
        try await APNsScene.run { apns in
            try await FCMScene.run { fcm in
                #expect(await apns.send().isAccepted)
                #expect(await fcm.send().isAccepted)
                apns.standIn.misbehave(.silence, forNext: 10_000)
                await withTaskGroup(of: PushAnswer.self) { group in
                    for _ in 1...200 { group.addTask { await apns.send() } }
                    try? await eventually { apns.standIn.record.requestCount >= 201 }
                    for _ in 1...50 { #expect(await fcm.send().isAccepted) }
                    #expect(apns.standIn.record.acceptedCount == 1)
                    group.cancelAll()
                    for await answer in group { #expect(answer == .unanswered(after: nil, reason: "this process is stopping")) }
                }
            }
        }
    }
}
