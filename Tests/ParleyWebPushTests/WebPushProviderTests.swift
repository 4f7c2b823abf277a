import AsyncHTTPClient
import Foundation
import Logging
import ParleyCore
import ParleyModel
import ParleyPush
import Synchronization
import Testing

@testable import ParleyWebPush
@testable import ParleyWebPushStandIn

@Suite(.timeLimit(.minutes(2)))
struct WebPushProviderTests {
    private struct World: Sendable {
        let key: VAPIDKey
        let service: WebPushStandIn
        let provider: WebPushProvider
        let clock: any TimeSource
    }

    private static let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    private static let contact = VAPIDContact("mailto:push@example.com")

    private func run(
        limits: WebPushLimits = WebPushLimits(), time: any TimeSource = SystemTimeSource(), contact: VAPIDContact? = contact,
        connectsToPrivate: Bool = true, _ test: (World) async throws -> Void
    ) async throws {
        let key = VAPIDKey.random()
        let service = try await WebPushStandIn.start()
        let provider = WebPushProvider(
            key: key, contact: contact, rule: EndpointRule(allowsPrivate: true), time: time, limits: limits, logger: Self.quiet,
            hosts: HostCheck(time: time), connectsToPrivate: connectsToPrivate)
        do {
            try await test(World(key: key, service: service, provider: provider, clock: time))
        } catch {
            try await provider.shutDown()
            await service.stop()
            throw error
        }
        try await provider.shutDown()
        await service.stop()
    }

    private static func quick() -> WebPushLimits {
        var limits = WebPushLimits()
        limits.requestSeconds = 0.3
        limits.waitingSeconds = 0.3
        return limits
    }

    // MARK: Sending

    @Test func `an alert arrives encrypted, signed, urgent and for as long as it is worth something`() async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe(serverKey: world.key.publicKey)
            let notification = Sample.notification(to: subscription)
            guard case .accepted(let id) = await world.provider.send(notification) else {
                Issue.record("not accepted: \(world.service.complaints)")
                return
            }
            #expect(id?.hasPrefix(world.service.origin + "/message/") == true)
            let delivery = try #require(world.service.deliveries.first)
            #expect(delivery.plaintext == WebPushPayload.json(notification))
            #expect(delivery.paddedLength % 256 == 1)
            #expect(delivery.urgency == "high")
            #expect((3590...3600).contains(delivery.timeToLive))
            #expect(delivery.topic?.count == 32)
            #expect(delivery.token.subject == "mailto:push@example.com")
            #expect(delivery.token.audience == world.service.origin)
            #expect(world.service.complaints == [])
        }
    }

    @Test func `what was read elsewhere is not urgent, and not sent to Safari`() async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe(serverKey: world.key.publicKey)
            let read = PushContent.read(PushRead(conversationID: Sample.conversationID, lastReadSequence: 3))
            guard case .accepted = await world.provider.send(Sample.notification(read, to: subscription)) else {
                Issue.record("not accepted: \(world.service.complaints)")
                return
            }
            #expect(world.service.deliveries.first?.urgency == "low")
            let safari = WebPushSubscription(
                endpoint: "https://web.push.apple.com/abc", p256dh: subscription.p256dh, auth: subscription.auth)
            guard case .rejected = await world.provider.send(Sample.notification(read, to: safari)) else {
                Issue.record("a silent push went to Safari")
                return
            }
        }
    }

    /// Keeps what is logged.
    private struct Ear: LogHandler {
        final class Heard: Sendable {
            let lines = Mutex<[(level: Logger.Level, origin: String?)]>([])
        }

        let heard: Heard
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.trace
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }

        func log(event: LogEvent) {
            heard.lines.withLock { $0.append((event.level, event.metadata?["origin"].map { "\($0)" })) }
        }
    }

    @Test func `that Safari takes nothing silent is known before, and said once for each of its services`() async throws {
        let heard = Ear.Heard()
        let provider = WebPushProvider(
            key: VAPIDKey.random(), contact: nil, time: SystemTimeSource(), logger: Logger(label: "test") { _ in Ear(heard: heard) })
        func device(_ endpoint: String) -> Device {
            let subscription = WebPushSubscription(endpoint: endpoint, p256dh: "p", auth: "a")
            return Device(id: .random(), userID: .random(), address: .webPush(subscription), name: nil, createdAt: SystemTimeSource().now())
        }
        for _ in 1...3 {
            #expect(provider.takesReads(on: device("https://fcm.googleapis.com/fcm/send/abc")))
            #expect(!provider.takesReads(on: device("https://web.push.apple.com/abc")))
            #expect(!provider.takesReads(on: device("https://eu.push.apple.com/abc")))
            #expect(provider.takesReads(on: device("https://push.apple.com.example.org/abc")))
        }
        let lines = heard.lines.withLock { $0 }
        #expect(lines.map(\.origin) == ["https://web.push.apple.com", "https://eu.push.apple.com"])
        #expect(lines.allSatisfy { $0.level == .notice })
        // Anybody can make up names below it.
        for number in 1...1000 { _ = provider.takesReads(on: device("https://\(number).push.apple.com/abc")) }
        #expect(heard.lines.withLock { $0.count } == OnceEach.maxCount)
        try await provider.shutDown()
    }

    @Test func `the longest texts fit, and a month is the longest that a push service keeps anything`() async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe(serverKey: world.key.publicKey)
            let message = PushContent.message(Sample.message(text: String(repeating: "👩‍👩‍👧‍👦", count: 9999)))
            let expiry = SystemTimeSource().now().advanced(bySeconds: 400 * 86_400)
            let answer = await world.provider.send(Sample.notification(message, to: subscription, expiresAt: expiry))
            guard case .accepted = answer else {
                Issue.record("\(answer) \(world.service.complaints)")
                return
            }
            #expect(world.service.deliveries.first?.timeToLive == 28 * 86_400)
        }
    }

    @Test func `what has expired is not sent`() async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe()
            let answer = await world.provider.send(Sample.notification(to: subscription, expiresAt: SystemTimeSource().now()))
            #expect(answer == .rejected(reason: "expired before it was sent"))
            #expect(world.service.requests == 0)
        }
    }

    @Test func `a device of another kind is rejected`() async throws {
        try await run { world in
            guard case .rejected = await world.provider.send(Sample.notification()) else {
                Issue.record("not rejected")
                return
            }
        }
    }

    // MARK: Answers

    @Test(
        arguments: [
            (200, nil, .accepted(id: nil)), (202, nil, .accepted(id: nil)),
            (400, nil, .rejected(reason: "answered 400: no good")), (404, nil, .deviceGone(since: nil)),
            (410, nil, .deviceGone(since: nil)),
            (413, nil, .rejected(reason: "answered 413: no good")), (401, nil, .retry(after: nil, reason: "answered 401: no good")),
            (403, nil, .retry(after: nil, reason: "answered 403: no good")),
            (429, "30", .retry(after: 30, reason: "answered 429: no good")),
            (429, nil, .retry(after: nil, reason: "answered 429: no good")),
            (500, nil, .retry(after: nil, reason: "answered 500: no good")),
            (503, "120", .retry(after: 120, reason: "answered 503: no good")),
            (502, "soon", .unanswered(after: nil, reason: "answered 502: no good")),
            (504, "7", .unanswered(after: 7, reason: "answered 504: no good")),
        ] as [(Int, String?, PushAnswer)])
    func `each answer means one thing`(status: Int, retryAfter: String?, expected: PushAnswer) async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe()
            let headers = retryAfter.map { ["Retry-After": $0] } ?? [:]
            world.service.behave(.answer(status: status, headers: headers, body: "no good"))
            #expect(await world.provider.send(Sample.notification(to: subscription)) == expected)
        }
    }

    @Test func `a date to come back at is counted from now`() async throws {
        let clock = Clock(Timestamp(milliseconds: 1_800_000_000_000))
        try await run(time: clock) { world in
            let (_, subscription) = world.service.subscribe()
            world.service.behave(.answer(status: 503, headers: ["Retry-After": "Fri, 15 Jan 2027 08:01:30 GMT"]))
            let answer = await world.provider.send(Sample.notification(to: subscription, expiresAt: .distantFuture))
            #expect(answer == .retry(after: 90, reason: "answered 503"))
        }
    }

    @Test func `a reason holds neither the device's address nor more than a line`() async throws {
        try await run { world in
            let (number, subscription) = world.service.subscribe()
            let body = "bad endpoint /push/\(number)\u{7}\n" + String(repeating: "long ", count: 1000)
            world.service.behave(.answer(status: 400, body: body))
            guard case .rejected(let reason) = await world.provider.send(Sample.notification(to: subscription)) else {
                Issue.record("not rejected")
                return
            }
            #expect(reason.hasPrefix("answered 400: bad endpoint /… long long"))
            #expect(reason.count < 250)
        }
    }

    @Test func `a subscription that has ended is gone`() async throws {
        try await run { world in
            let (number, subscription) = world.service.subscribe(serverKey: world.key.publicKey)
            world.service.unsubscribe(number)
            #expect(await world.provider.send(Sample.notification(to: subscription)) == .deviceGone(since: nil))
        }
    }

    @Test func `a subscription of another key is refused, and tried again, and not lost`() async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe(serverKey: VAPIDKey.random().publicKey)
            guard case .retry = await world.provider.send(Sample.notification(to: subscription)) else {
                Issue.record("not to be tried again")
                return
            }
        }
    }

    @Test func `a redirection is not followed`() async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe()
            let (_, other) = world.service.subscribe()
            for status in [301, 302, 303, 307, 308] {
                world.service.behave(.answer(status: status, headers: ["Location": other.endpoint]), for: 0)
                let before = world.service.requests
                guard case .retry = await world.provider.send(Sample.notification(to: subscription)) else {
                    Issue.record("\(status)")
                    return
                }
                #expect(world.service.requests <= before + 1)
            }
            #expect(world.service.deliveries == [])
        }
    }

    // MARK: Trouble

    @Test(arguments: [WebPushStandIn.Behaviour.stall, .hangUp])
    func `no answer is tried again, after a bounded time`(behaviour: WebPushStandIn.Behaviour) async throws {
        try await run(limits: Self.quick()) { world in
            let (_, subscription) = world.service.subscribe()
            world.service.behave(behaviour)
            guard case .unanswered(nil, _) = await world.provider.send(Sample.notification(to: subscription)) else {
                Issue.record("not to be tried again")
                return
            }
        }
    }

    @Test func `what never left was certainly not sent`() {
        for error in [HTTPClientError.connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .alreadyShutdown] {
            #expect(!PushConnections.mayHaveSent(error))
        }
        for error in [HTTPClientError.deadlineExceeded, .readTimeout, .remoteConnectionClosed, .cancelled] {
            #expect(PushConnections.mayHaveSent(error))
        }
        #expect(PushConnections.mayHaveSent(CancellationError()))
        #expect(!PushConnections.mayHaveSent(PushConnections.PrivateAddress()))
    }

    @Test func `an answer whose body never ends counts by its status`() async throws {
        var limits = Self.quick()
        // Long enough for the status, also where the machine is slow.
        limits.requestSeconds = 2
        try await run(limits: limits) { world in
            let (_, subscription) = world.service.subscribe()
            world.service.behave(.endlessBody(status: 201))
            #expect(await world.provider.send(Sample.notification(to: subscription)) == .accepted(id: nil))
            world.service.behave(.endlessBody(status: 410))
            #expect(await world.provider.send(Sample.notification(to: subscription)) == .deviceGone(since: nil))
        }
    }

    @Test func `nobody listens there: it is tried again, and soon no more for a while`() async throws {
        var limits = Self.quick()
        // Long enough for a refusal also where the machine is slow: without one it would not be known that nothing was sent.
        limits.requestSeconds = 2
        limits.failuresToClose = 3
        try await run(limits: limits) { world in
            let (_, subscription) = world.service.subscribe()
            await world.service.stop()
            for _ in 0..<3 {
                guard case .retry(nil, _) = await world.provider.send(Sample.notification(to: subscription)) else {
                    Issue.record("not to be tried again")
                    return
                }
            }
            guard case .retry(let after?, let reason) = await world.provider.send(Sample.notification(to: subscription)) else {
                Issue.record("not closed")
                return
            }
            #expect((4...5).contains(after))
            #expect(reason == "\(world.service.origin) does not take more now")
        }
    }

    @Test func `a push service that stalls holds few requests, and leaves the others as they were`() async throws {
        var limits = WebPushLimits()
        // Longer than the test takes: the others cannot have waited for it.
        limits.requestSeconds = 100
        limits.waitingSeconds = 100
        try await run(limits: limits) { world in
            let stalling = try await WebPushStandIn.start()
            stalling.behave(.stall)
            let (_, stalled) = stalling.subscribe()
            let (_, subscription) = world.service.subscribe(serverKey: world.key.publicKey)
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<200 { group.addTask { _ = await world.provider.send(Sample.notification(to: stalled)) } }
                for _ in 0..<20 {
                    let answer = await world.provider.send(Sample.notification(to: subscription))
                    guard case .accepted = answer else {
                        Issue.record("\(answer)")
                        break
                    }
                }
                group.cancelAll()
            }
            #expect(stalling.mostUnderWay <= limits.firstUnderWayPerOrigin)
            await stalling.stop()
        }
    }

    @Test func `many at once all arrive, within the limit of the push service`() async throws {
        try await run { world in
            let (_, subscription) = world.service.subscribe(serverKey: world.key.publicKey)
            let answers = await withTaskGroup(of: PushAnswer.self) { group in
                for _ in 0..<400 { group.addTask { await world.provider.send(Sample.notification(to: subscription)) } }
                return await group.reduce(into: [PushAnswer]()) { $0.append($1) }
            }
            #expect(answers.allSatisfy { if case .accepted = $0 { true } else { false } }, "\(world.service.complaints.prefix(3))")
            #expect(world.service.deliveries.count == 400)
            #expect(world.service.mostUnderWay <= WebPushLimits().maxUnderWayPerOrigin)
        }
    }

    @Test func `a task that is cancelled while it waits answers at once`() async throws {
        var limits = WebPushLimits()
        limits.firstUnderWayPerOrigin = 1
        // Longer than a test may take.
        limits.requestSeconds = 1000
        limits.waitingSeconds = 1000
        try await run(limits: limits) { world in
            let (_, subscription) = world.service.subscribe()
            world.service.behave(.stall)
            let first = Task { await world.provider.send(Sample.notification(to: subscription)) }
            while world.service.requests == 0 { try await Task.sleep(for: .milliseconds(5)) }
            let second = Task { await world.provider.send(Sample.notification(to: subscription)) }
            second.cancel()
            let waited = await second.value
            first.cancel()
            guard case .unanswered = await first.value, case .retry = waited else {
                Issue.record("not to be tried again")
                return
            }
        }
    }

    // MARK: Where it does not send to

    @Test func `a name that leads inside is not connected to`() async throws {
        let time = SystemTimeSource()
        let hosts = HostCheck(time: time) { _ in .success([IPAddress(bytes: [10, 0, 0, 7])]) }
        let provider = WebPushProvider(
            key: .random(), contact: Self.contact, rule: EndpointRule(), time: time, limits: WebPushLimits(), logger: Self.quiet,
            hosts: hosts, connectsToPrivate: false)
        let keys = StandInSubscription(serverKey: nil)
        let answer = await provider.send(Sample.notification(to: keys.subscription(endpoint: "https://push.example.com/a")))
        #expect(answer == .rejected(reason: "the endpoint leads to an address that is not of the public internet"))
        for endpoint in ["http://127.0.0.1/a", "https://127.0.0.1/a", "https://localhost/a", "https://push.example.com:8443/a"] {
            guard case .rejected(let reason) = await provider.send(Sample.notification(to: keys.subscription(endpoint: endpoint))) else {
                Issue.record("\(endpoint)")
                continue
            }
            #expect(reason.hasPrefix("the endpoint "))
        }
        try await provider.shutDown()
    }

    @Test func `a name that leads elsewhere by the time of connecting gets nothing`() async throws {
        try await run(connectsToPrivate: false) { world in
            let (_, subscription) = world.service.subscribe()
            let answer = await world.provider.send(Sample.notification(to: subscription))
            #expect(answer == .rejected(reason: "the endpoint leads to an address that is not of the public internet"))
            #expect(world.service.requests == 0)
        }
    }
}
