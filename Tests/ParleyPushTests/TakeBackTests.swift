import ParleyModel
import Synchronization
import Testing

@testable import ParleyCore
@testable import ParleyPush

struct TakeBackTests {
    let stage = Stage()
    let user = UserID(2)

    /// The user's devices have been alerted of message 5, and then it was read.
    private func alertAndRead(_ worker: PushWorker) async throws {
        stage.ledger.totals.withLock { $0[user] = 1 }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await worker.workBatch()
        stage.ledger.totals.withLock { $0[user] = 0 }
        stage.ledger.read(user, in: .sample, to: 5, at: stage.time.now())
    }

    private func isRead(_ notification: PushNotification) -> Bool {
        if case .read = notification.content { true } else { false }
    }

    @Test func `what was read is taken back from each device, with the badge at zero`() async throws {
        let devices = [stage.addDevice(1, of: user, .apns(token: "a")), stage.addDevice(2, of: user, .fcm(token: "b"))]
        let provider = FakePushProvider()
        let worker = stage.worker(provider)
        try await alertAndRead(worker)
        #expect(try await worker.workTakeBacks() == 1)

        let reads = provider.sent.filter(isRead)
        #expect(reads.compactMap(\.device?.id).sorted() == devices.map(\.id).sorted())
        for read in reads {
            #expect(read.content == .read(PushRead(conversationID: .sample, lastReadSequence: 5)))
            #expect(read.badge == 0)
            #expect(read.recipientID == user)
            #expect(read.expiresAt > stage.time.now())
        }
        #expect(stage.ledger.finished == [.done(badges: [devices[0].id: 0, devices[1].id: 0])])
        #expect(try await worker.workTakeBacks() == 0)
    }

    @Test func `only devices whose provider takes such are told`() async throws {
        _ = stage.addDevice(1, of: user, .webPush(WebPushSubscription(endpoint: "e", p256dh: "p", auth: "a")))
        let told = stage.addDevice(2, of: user, .fcm(token: "b"))
        let loud = FakePushProvider(name: "loud", deviceKinds: [.webpush], takesReads: false)
        let silent = FakePushProvider(name: "silent", deviceKinds: [.fcm])
        let worker = stage.worker(loud, silent)
        try await alertAndRead(worker)
        _ = try await worker.workTakeBacks()
        #expect(!loud.sent.contains(where: isRead))
        #expect(silent.sent.filter(isRead).map(\.device) == [told])
        #expect(stage.ledger.finished == [.done(badges: [told.id: 0])])
    }

    /// Tells no browser anything silently.
    private struct Loud: PushProvider {
        let provider: FakePushProvider
        var name: String { provider.name }
        var deviceKinds: Set<DeviceKind> { provider.deviceKinds }
        var deliversWithoutDevice: Bool { false }
        func takesReads(on device: Device) -> Bool { device.address.kind != .webpush }
        func send(_ notification: PushNotification) async -> PushAnswer { await provider.send(notification) }
    }

    @Test func `a device whose push service takes nothing silent is not tried`() async throws {
        _ = stage.addDevice(1, of: user, .webPush(WebPushSubscription(endpoint: "e", p256dh: "p", auth: "a")))
        let told = stage.addDevice(2, of: user, .fcm(token: "b"))
        let provider = FakePushProvider()
        let worker = stage.worker(Loud(provider: provider))
        try await alertAndRead(worker)
        _ = try await worker.workTakeBacks()
        #expect(provider.sent.filter(isRead).map(\.device) == [told])
        #expect(stage.ledger.finished == [.done(badges: [told.id: 0])])
    }

    @Test func `what it is not known of whether it was told is told again`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider { notification in
            if case .read = notification.content { .unanswered(after: 7, reason: "no answer in time") } else { .accepted(id: nil) }
        }
        let worker = stage.worker(provider)
        try await alertAndRead(worker)
        _ = try await worker.workTakeBacks()
        #expect(stage.ledger.finished == [.retry(after: 7)])
    }

    @Test func `a device that cannot be told now is told later, after growing waits`() async throws {
        let device = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider { notification in
            if case .read = notification.content { .retry(after: nil, reason: "busy") } else { .accepted(id: nil) }
        }
        let worker = stage.worker(provider)
        try await alertAndRead(worker)
        for _ in 1...4 {
            #expect(try await worker.workTakeBacks() == 1)
            stage.time.advance(bySeconds: 10)
        }
        #expect(stage.ledger.finished == [0.5, 1, 2, 4].map { .retry(after: $0) })
        #expect(provider.sent.filter(isRead).map(\.device) == [device, device, device, device])
    }

    @Test func `taking back is given up after the last attempt`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider { notification in
            if case .read = notification.content { .retry(after: nil, reason: "busy") } else { .accepted(id: nil) }
        }
        let worker = stage.worker(provider) { $0.takeBackAttempts = 2 }
        try await alertAndRead(worker)
        for _ in 1...3 {
            _ = try await worker.workTakeBacks()
            stage.time.advance(bySeconds: 10)
        }
        #expect(stage.ledger.finished == [.retry(after: 0.5), .done(badges: [:])])
    }

    @Test func `a device that is gone or refuses owes nothing, and is forgotten if it is gone`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let kept = stage.addDevice(2, of: user, .fcm(token: "b"))
        let provider = FakePushProvider { notification in
            guard case .read = notification.content else { return .accepted(id: nil) }
            return notification.device == kept ? .rejected(reason: "no") : .deviceGone(since: nil)
        }
        let worker = stage.worker(provider)
        try await alertAndRead(worker)
        _ = try await worker.workTakeBacks()
        #expect(stage.ledger.finished == [.done(badges: [:])])
        #expect(stage.devices.devices.withLock { $0?[user] } == [kept])
    }

    @Test func `a user without devices owes nothing`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let worker = stage.worker(FakePushProvider())
        try await alertAndRead(worker)
        stage.devices.devices.withLock { $0 = [:] }
        _ = try await worker.workTakeBacks()
        #expect(stage.ledger.finished == [.done(badges: [:])])
    }

    @Test(.timeLimit(.minutes(1)))
    func `taking back that is slow holds up no alert`() async throws {
        let (released, release) = AsyncStream<Void>.makeStream()
        let (alerted, alert) = AsyncStream<Void>.makeStream()
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider { notification in
            if case .read = notification.content { for await _ in released { break } } else { alert.yield() }
            return .accepted(id: nil)
        }
        let worker = stage.worker(provider) {
            $0.maxConcurrentSends = 1
            $0.maxConcurrentTakeBacks = 1
            $0.idleSeconds = 0.01
        }
        try await alertAndRead(worker)
        var alerts = alerted.makeAsyncIterator()
        await alerts.next()
        let running = Task { try await worker.run() }
        while !provider.sent.contains(where: isRead) { await Task.yield() }
        for job in 2...5 {
            stage.queue.add(.sample(Int64(job), to: [2]))
            worker.wake()
            await alerts.next()
        }
        release.finish()
        worker.stop()
        try await running.value
        #expect(stage.ledger.finished.first == .done(badges: [DeviceID(1): 0]))
    }

    @Test func `while messages come in it rests after taking back too, four times as long as that took`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let activity = CreateActivity()
        let worker = stage.worker(FakePushProvider(), createsFirst: CreatesFirst(activity, timeSource: stage.time))
        try await alertAndRead(worker)
        activity.created(at: stage.time.now())
        stage.devices.slowness.withLock { $0 = .milliseconds(100) }
        let start = ContinuousClock.now
        #expect(try await worker.workTakeBacks() == 1)
        #expect(ContinuousClock.now - start >= .milliseconds(5 * 100))
    }

    @Test(.timeLimit(.minutes(1)))
    func `old alerts are forgotten while the worker runs, and only those`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider()
        let worker = stage.worker(provider) { $0.idleSeconds = 0.01 }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await worker.workBatch()
        stage.time.advance(bySeconds: 29 * 86_400)
        stage.queue.add(.sample(2, to: [2], createdAt: stage.time.now()))
        _ = try await worker.workBatch()
        stage.time.advance(bySeconds: 2 * 86_400)
        let running = Task { try await worker.run() }
        while !stage.ledger.calls.contains("forgetAlerts") { await Task.yield() }
        worker.stop()
        try await running.value
        #expect(stage.ledger.sentCount == 1)
    }
}
