import ParleyModel
import Synchronization
import Testing

@testable import ParleyCore
@testable import ParleyPush

struct PushWorkerTests {
    let stage = Stage()

    @Test func `offline participants get the message, and the job is done`() async throws {
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2, 3]))
        #expect(try await stage.worker(provider).workBatch() == 1)

        #expect(provider.recipients == [UserID(2), UserID(3)])
        let job = LeasedPushJob.sample(1, to: []).job
        let sent = try #require(provider.sent.first { $0.recipientID == UserID(2) })
        #expect(
            sent
                == PushNotification(
                    content: .message(
                        PushMessage(
                            messageID: job.messageID, conversationID: .sample, senderID: UserID(1), sequenceNumber: 5,
                            createdAt: job.createdAt, title: nil, text: "Hello")),
                    recipientID: UserID(2), device: nil, badge: nil,
                    expiresAt: job.createdAt.advanced(bySeconds: PushNotification.defaultLifetimeSeconds)))
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    @Test func `nobody is told whom the policy drops, and the job is done`() async throws {
        stage.setStanding(UserID(3), lastRead: 5)
        stage.setStanding(UserID(4), mute: .forever)
        stage.presence.users.withLock { $0 = [UserID(5)] }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [1, 3, 4, 5, 99, 2]))
        _ = try await stage.worker(provider).workBatch()

        #expect(provider.recipients == [UserID(2)])
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    @Test func `a job whose recipients are all dropped is done`() async throws {
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [1]), .sample(2, to: []))
        _ = try await stage.worker(provider).workBatch()
        #expect(provider.sent.isEmpty)
        #expect(stage.queue.finished == [[PushJobID(1): .done, PushJobID(2): .done]])
    }

    @Test func `each reason to drop is counted under its name`() throws {
        stage.setStanding(UserID(3), lastRead: 5)
        stage.setStanding(UserID(4), mute: .forever)
        stage.setStanding(UserID(7), level: .none)
        let quiet = NotificationSettings(displayName: nil, timeZone: "UTC", quietHours: QuietHours(from: 0, to: 0), privacy: nil)
        let audience = PushAudience(
            standings: stage.conversations.state.withLock { $0.standings }, attended: [UserID(5)], settings: [UserID(8): quiet])
        let jobs = [
            LeasedPushJob.sample(1, to: [1, 3, 4, 5, 99, 2, 6, 7, 8, 9]), .sample(2, to: [2], createdAt: Timestamp(milliseconds: 0)),
        ]
        let selection = PushSelection(jobs, audience, at: stage.time.now())
        let apns = stage.addDevice(1, of: UserID(2), .apns(token: "t"))
        let fcm = stage.addDevice(2, of: UserID(9), .fcm(token: "t"))
        let routing = PushRouting([FakePushProvider(deviceKinds: [.fcm], deliversWithoutDevice: false)])
        let candidates = PushCandidates(
            selection, [UserID(2): [apns], UserID(9): [fcm]], routing, PushPauses(), at: stage.time.now())
        let claims = [AlertKey(messageID: jobs[0].job.messageID, deviceID: fcm.id): AlertClaim.sent]
        let plan = PushPlan(
            candidates, of: selection, claims, audience, badges: [:], privacy: .full, collapseAfter: 3, heldSeconds: 10)

        #expect(plan.steps.isEmpty)
        // What Parley does not know yet cannot be dropped for.
        let known = DropReason.allCases.filter { ![.blocked, .deleted].contains($0) }
        #expect(plan.drops == Dictionary(uniqueKeysWithValues: known.map { ($0, 1) }))
    }

    @Test func `a recipient named twice is told once`() async throws {
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2, 3, 2]))
        _ = try await stage.worker(provider).workBatch()
        #expect(provider.recipients == [UserID(2), UserID(3)])
    }

    @Test func `who is at a connection counts as away when it cannot be known`() async throws {
        stage.presence.users.withLock { $0 = nil }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(provider).workBatch()
        #expect(provider.recipients == [UserID(2)])
    }

    @Test func `all jobs of a portion share one question to the store`() async throws {
        let provider = FakePushProvider()
        let other = ConversationID(2)
        stage.setStanding(UserID(2), in: other)
        stage.queue.add(.sample(1, to: [2, 3]), .sample(2, to: [3, 4]), .sample(3, to: [2], in: other))
        _ = try await stage.worker(provider).workBatch()

        let questions = stage.conversations.state.withLock { $0.questions }
        #expect(questions.map { $0.mapValues { $0.sorted() } } == [[.sample: [UserID(2), UserID(3), UserID(4)], other: [UserID(2)]]])
        #expect(provider.sent.count == 5)
    }

    @Test func `a large audience is asked for in parts`() async throws {
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: Array(2...9)))
        _ = try await stage.worker(provider) { $0.maxUsersPerQuery = 3 }.workBatch()
        #expect(stage.conversations.state.withLock { $0.questions.map { $0.values.map(\.count) } } == [[3], [3], [2]])
        #expect(provider.recipients == (2...9).map { UserID($0) })
    }

    @Test func `many small audiences are asked for together, up to the limit`() async throws {
        let provider = FakePushProvider()
        for number in 1...5 as ClosedRange<UInt64> {
            stage.setStanding(UserID(2), in: ConversationID(number))
            stage.setStanding(UserID(3), in: ConversationID(number))
            stage.queue.add(.sample(Int64(number), to: [2, 3], in: ConversationID(number)))
        }
        _ = try await stage.worker(provider) { $0.maxUsersPerQuery = 4 }.workBatch()
        #expect(stage.conversations.state.withLock { $0.questions.map { $0.values.reduce(0) { $0 + $1.count } } } == [4, 4, 2])
        #expect(provider.sent.count == 10)
    }

    // MARK: Providers and devices

    @Test func `each device goes to the provider of its kind`() async throws {
        let phone = stage.addDevice(1, of: UserID(2), .apns(token: "a"))
        let tablet = stage.addDevice(2, of: UserID(2), .fcm(token: "b"))
        let apns = FakePushProvider(name: "apns", deviceKinds: [.apns], deliversWithoutDevice: false)
        let log = FakePushProvider(name: "log")
        stage.queue.add(.sample(1, to: [2, 3]))
        _ = try await stage.worker(apns, log).workBatch()

        #expect(apns.sent.map(\.device) == [phone])
        #expect(Set(log.sent.map(\.device?.id)) == [tablet.id, nil])
    }

    @Test func `a device that the push service does not know is forgotten`() async throws {
        let gone = stage.addDevice(1, of: UserID(2), .apns(token: "a"))
        let kept = stage.addDevice(2, of: UserID(2), .apns(token: "b"))
        let provider = FakePushProvider { $0.device == gone ? .deviceGone(since: nil) : .accepted(id: nil) }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(provider).workBatch()

        #expect(stage.devices.devices.withLock { $0 } == [UserID(2): [kept]])
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    @Test func `a rejected notification is not tried again`() async throws {
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(FakePushProvider { _ in .rejected(reason: "too large") }).workBatch()
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    // MARK: Retries

    @Test func `a retry names only the recipients that are still owed`() async throws {
        let provider = FakePushProvider { $0.recipientID == UserID(3) ? .retry(after: nil, reason: "busy") : .accepted(id: nil) }
        stage.queue.add(.sample(1, to: [2, 3, 4]), .sample(2, to: [4]))
        _ = try await stage.worker(provider).workBatch()
        #expect(
            stage.queue.finished == [
                [PushJobID(1): .retry(after: 0.5, recipients: [UserID(3)], reason: "fake: busy"), PushJobID(2): .done]
            ])
    }

    @Test func `a recipient is owed once while any of their devices is`() async throws {
        _ = stage.addDevice(1, of: UserID(2), .fcm(token: "a"))
        _ = stage.addDevice(2, of: UserID(2), .apns(token: "b"))
        _ = stage.addDevice(3, of: UserID(2), .apns(token: "c"))
        _ = stage.addDevice(4, of: UserID(2), .fcm(token: "d"))
        let provider = FakePushProvider { $0.device?.address.kind == .apns ? .retry(after: nil, reason: "busy") : .accepted(id: nil) }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(provider).workBatch()
        #expect(stage.queue.finished == [[PushJobID(1): .retry(after: 0.5, recipients: [UserID(2)], reason: "fake: busy")]])
    }

    @Test(arguments: [(1, 0.5), (2, 1.0), (7, 32.0)])
    func `waits grow with the attempts`(attempt: Int, seconds: Double) async throws {
        stage.queue.add(.sample(1, to: [2], attempt: attempt))
        _ = try await stage.worker(FakePushProvider { _ in .retry(after: nil, reason: "busy") }).workBatch()
        #expect(stage.queue.finished == [[PushJobID(1): .retry(after: seconds, recipients: [UserID(2)], reason: "fake: busy")]])
    }

    @Test(arguments: [(60.0, 60.0), (0.1, 0.5), (1e9, 3600.0)])
    func `a push service may ask for a longer wait, within a limit`(asked: Double, seconds: Double) async throws {
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(FakePushProvider { _ in .retry(after: asked, reason: "busy") }).workBatch()
        #expect(stage.queue.finished == [[PushJobID(1): .retry(after: seconds, recipients: [UserID(2)], reason: "fake: busy")]])
    }

    @Test(arguments: [8, 9])
    func `a job that fails at its last attempt is a dead letter for the owed`(attempt: Int) async throws {
        let provider = FakePushProvider { $0.recipientID == UserID(3) ? .retry(after: nil, reason: "busy") : .accepted(id: nil) }
        stage.queue.add(.sample(1, to: [2, 3], attempt: attempt))
        _ = try await stage.worker(provider).workBatch()
        #expect(stage.queue.finished == [[PushJobID(1): .dead(recipients: [UserID(3)], reason: "fake: busy")]])
    }

    @Test func `a job that succeeds at its last attempt is done`() async throws {
        stage.queue.add(.sample(1, to: [2], attempt: 8))
        _ = try await stage.worker(FakePushProvider()).workBatch()
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    @Test func `what the lease leaves no time for goes back at once, and never dies of it`() async throws {
        let time = stage.time
        let provider = FakePushProvider { _ in
            time.advance(bySeconds: 30)
            return .accepted(id: nil)
        }
        stage.queue.add(.sample(1, to: [2, 3, 4, 5], attempt: 8))
        _ = try await stage.worker(provider) {
            $0.maxConcurrentSends = 1
            $0.sendingSeconds = 45
        }.workBatch()

        #expect(provider.recipients == [UserID(2), UserID(3)])
        #expect(stage.queue.finished == [[PushJobID(1): .returned(after: 0, recipients: [UserID(4), UserID(5)])]])
    }

    @Test func `what is not begun early enough to be settled within the lease goes back`() async throws {
        let time = stage.time
        let provider = FakePushProvider { _ in
            time.advance(bySeconds: 31)
            return .accepted(id: nil)
        }
        stage.queue.add(.sample(1, to: [2, 3]), .sample(2, to: [4, 5]))
        _ = try await stage.worker(provider) {
            $0.maxConcurrentSends = 1
            $0.portionRecipients = 2
            $0.maxPortions = 1
            $0.sendingSeconds = 60
        }.workBatch()
        #expect(provider.recipients == [UserID(2), UserID(3)])
        #expect(stage.queue.results == [PushJobID(1): .done, PushJobID(2): .returned(after: 0)])
    }

    @Test func `no more notifications are under way than allowed`() async throws {
        let underWay = Mutex((now: 0, most: 0))
        let provider = FakePushProvider { _ in
            underWay.withLock { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
            await Task.yield()
            underWay.withLock { $0.now -= 1 }
            return .accepted(id: nil)
        }
        stage.queue.add(.sample(1, to: Array(2...9)), .sample(2, to: Array(2...9)))
        _ = try await stage.worker(provider) { $0.maxConcurrentSends = 3 }.workBatch()
        #expect(provider.sent.count == 16)
        #expect(underWay.withLock { $0.most } <= 3)
    }

    @Test func `while messages come in it rests after each portion, four times as long as that took`() async throws {
        let activity = CreateActivity()
        activity.created(at: stage.time.now())
        stage.presence.slowness.withLock { $0 = .milliseconds(20) }
        stage.queue.add(.sample(1, to: [2, 3]), .sample(2, to: [4, 5]), .sample(3, to: [6, 7]))
        _ = try await stage.worker(FakePushProvider(), createsFirst: CreatesFirst(activity, timeSource: stage.time)) {
            $0.portionRecipients = 2
        }.workBatch()
        let questions = stage.presence.questions.withLock { $0 }
        #expect(questions.count == 3)
        for (one, next) in zip(questions, questions.dropFirst()) { #expect(next - one >= .milliseconds(5 * 20)) }
    }

    // MARK: Stores that fail

    private let givenBack = PushJobResult.returned(after: 0.5)

    @Test func `a store that is down gives the jobs back, and the attempt does not count`() async throws {
        stage.conversations.state.withLock { $0.errors[.sample] = .unavailable("down") }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2]))
        await #expect(throws: StoreError.unavailable("down")) { try await stage.worker(provider).workBatch() }
        #expect(provider.sent.isEmpty)
        #expect(stage.queue.finished == [[PushJobID(1): givenBack]])
    }

    @Test func `a device store that is down gives the jobs back, also at the last attempt`() async throws {
        stage.devices.devices.withLock { $0 = nil }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2]), .sample(2, to: [3], attempt: 8))
        await #expect(throws: StoreError.unavailable("devices")) { try await stage.worker(provider).workBatch() }
        #expect(provider.sent.isEmpty)
        #expect(stage.queue.finished == [[PushJobID(1): givenBack, PushJobID(2): givenBack]])
    }

    @Test func `where the queue does not take the jobs back they are left to their lease`() async throws {
        stage.conversations.state.withLock { $0.errors[.sample] = .unavailable("down") }
        stage.queue.state.withLock { $0.finishErrors = [.unavailable("queue")] }
        stage.queue.add(.sample(1, to: [2]))
        await #expect(throws: StoreError.unavailable("down")) { try await stage.worker(FakePushProvider()).workBatch() }
        #expect(stage.queue.finished.isEmpty)
    }

    @Test func `a ledger that is down gives the jobs back, and nothing is sent`() async throws {
        _ = stage.addDevice(1, of: UserID(2), .apns(token: "a"))
        let provider = FakePushProvider()
        for _ in 1...2 {
            stage.ledger.fail(.unavailable("ledger"))
            stage.queue.add(.sample(1, to: [2]))
            await #expect(throws: StoreError.unavailable("ledger")) { try await stage.worker(provider).workBatch() }
        }
        #expect(provider.sent.isEmpty)
        #expect(stage.queue.finished == [[PushJobID(1): givenBack], [PushJobID(1): givenBack]])
    }

    @Test func `jobs that were begun when a store goes down are finished`() async throws {
        let broken = ConversationID(2)
        stage.setStanding(UserID(2), in: broken)
        stage.conversations.state.withLock { $0.errors[broken] = .unavailable("down") }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [3]), .sample(2, to: [2], in: broken))
        await #expect(throws: StoreError.unavailable("down")) {
            try await stage.worker(provider) { $0.portionRecipients = 1 }.workBatch()
        }
        #expect(provider.recipients == [UserID(3)])
        #expect(stage.queue.results == [PushJobID(1): .done, PushJobID(2): givenBack])
    }

    @Test func `one conversation that cannot be read does not hold up the others`() async throws {
        let broken = ConversationID(2)
        stage.conversations.state.withLock { $0.errors[broken] = .unexpected("torn page") }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2], in: broken), .sample(2, to: [3]))
        #expect(try await stage.worker(provider).workBatch() == 2)
        #expect(provider.recipients == [UserID(3)])
        #expect(stage.queue.finished == [[PushJobID(2): .done]])
    }

    @Test func `conversations of which one part cannot be read are not sent to at all`() async throws {
        let provider = FakePushProvider()
        stage.conversations.state.withLock { $0.brokenUsers = [UserID(7)] }
        for number in 1...4 as ClosedRange<UInt64> {
            for user in 2...9 as ClosedRange<UInt64> { stage.setStanding(UserID(user), in: ConversationID(number)) }
            stage.queue.add(.sample(Int64(number), to: Array(2...9), in: ConversationID(number)))
        }
        #expect(try await stage.worker(provider) { $0.maxUsersPerQuery = 1 }.workBatch() == 4)
        #expect(provider.sent.isEmpty && stage.queue.finished.isEmpty)
    }

    // MARK: Running

    @Test(.timeLimit(.minutes(1)))
    func `a wake ends the wait, and stopping finishes the batch in hand`() async throws {
        let (started, start) = AsyncStream<Void>.makeStream()
        let (released, release) = AsyncStream<Void>.makeStream()
        let provider = FakePushProvider { _ in
            start.yield()
            for await _ in released { break }
            return .accepted(id: nil)
        }
        let worker = stage.worker(provider) { $0.idleSeconds = 3600 }
        let running = Task { try await worker.run() }
        stage.queue.add(.sample(1, to: [2]))
        worker.wake()

        for await _ in started { break }
        worker.stop()
        release.yield()
        try await running.value
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    @Test(.timeLimit(.minutes(1)))
    func `the worker goes on after a store has failed`() async throws {
        stage.queue.state.withLock { $0.leaseErrors = [.unavailable("down"), .unavailable("down")] }
        let (sent, send) = AsyncStream<Void>.makeStream()
        let provider = FakePushProvider { _ in
            send.yield()
            return .accepted(id: nil)
        }
        let worker = stage.worker(provider, jitter: 0) { $0.idleSeconds = 3600 }
        stage.queue.add(.sample(1, to: [2]))
        let running = Task { try await worker.run() }
        for await _ in sent { break }
        worker.stop()
        try await running.value
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    @Test(.timeLimit(.minutes(1)))
    func `cancellation ends an idle worker`() async throws {
        let worker = stage.worker(FakePushProvider()) { $0.idleSeconds = 3600 }
        let running = Task { try await worker.run() }
        running.cancel()
        try await running.value
    }
}
