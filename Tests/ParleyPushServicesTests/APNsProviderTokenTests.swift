import ParleyModel
import ParleyPush
import ParleyPushStandIns
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// Provider tokens end after an hour, and may be renewed every 20 minutes.
struct APNsProviderTokenTests {
    @Test func `one token serves for 50 minutes, and then a new one`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send().isAccepted)
            scene.time.advance(bySeconds: 49 * 60)
            #expect(await scene.send().isAccepted)
            #expect(scene.bearers.count == 1)
            scene.time.advance(bySeconds: 2 * 60)
            try await eventually {
                #expect(await scene.send().isAccepted)
                return scene.bearers.count == 2
            }
        }
    }

    @Test func `a day without a notification ends with a new token, not with an old one`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send().isAccepted)
            scene.time.advance(bySeconds: 86_400)
            #expect(await scene.send().isAccepted)
            #expect(scene.standIn.record.refusals.isEmpty)
            #expect(scene.bearers.count == 2)
        }
    }

    @Test func `many at once that need a new token make one`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send().isAccepted)
            scene.time.advance(bySeconds: 86_400)
            await withTaskGroup(of: PushAnswer.self) { group in
                for _ in 1...100 { group.addTask { await scene.send() } }
                for await answer in group { #expect(answer.isAccepted) }
            }
            #expect(scene.bearers.count == 2)
        }
    }

    @Test func `a token that Apple calls expired is renewed at once, if it is old enough`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send().isAccepted)
            scene.time.advance(bySeconds: 21 * 60)
            scene.standIn.misbehave(.reply(APNsStandIn.reply(403, "ExpiredProviderToken")), forNext: 1)
            #expect(await scene.send().isAccepted)
            #expect(scene.bearers.count == 2)
            #expect(scene.standIn.record.requestCount == 3)
        }
    }

    @Test func `within 20 minutes no other token is made, whatever Apple says`() async throws {
        try await APNsScene.run { scene in
            #expect(await scene.send().isAccepted)
            scene.time.advance(bySeconds: 19 * 60)
            scene.standIn.misbehave(.reply(APNsStandIn.reply(403, "ExpiredProviderToken")), forNext: 5)
            let answer = await scene.send()
            #expect(answer == .retry(after: nil, reason: "403 ExpiredProviderToken: is this machine's clock right?"))
            #expect(scene.bearers.count == 1)
            #expect(scene.standIn.record.requestCount == 2)
        }
    }

    @Test func `a wrong key is an answer for the operator, and tried again`() async throws {
        try await APNsScene.run { scene in
            let other = APNsStandIn()
            let configuration = try APNsConfiguration(
                key: APNsKey(pem: other.keyPEM), keyID: scene.standIn.configuration.keyID, teamID: scene.standIn.configuration.teamID,
                topic: APNsScene.topic, url: scene.standIn.url)
            let client = try PushHTTPClient(limits: .patient, trustRoots: scene.standIn.trustRoots)
            let provider = APNsPushProvider(configuration, client: client, time: scene.time)
            let answer = await provider.send(
                .sample(.message(.sample()), to: .apns(token: APNsScene.token), badge: nil, at: scene.time.now()))
            #expect(answer.isRetry && answer.reason.hasPrefix("403 InvalidProviderToken: the key, its id and the team's id"))
            await client.close()
        }
    }
}
