import ParleyCore
import ParleyModel
import Synchronization
import Testing

@testable import ParleyPush

/// Each alert once, with the right words and number.
struct AlertTests {
    let stage = Stage()
    let user = UserID(2)

    private func key(_ message: UInt32, _ device: Device) -> AlertKey {
        AlertKey(messageID: MessageID(high: 7, low: message), deviceID: device.id)
    }

    // MARK: Once

    @Test func `an alert is claimed before it is sent and written down before its job is finished`() async throws {
        let device = stage.addDevice(1, of: user, .apns(token: "a"))
        let ledger = stage.ledger
        let provider = FakePushProvider { _ in
            #expect(ledger.calls.contains("claim") && !ledger.calls.contains("settle"))
            return .accepted(id: nil)
        }
        stage.queue.state.withLock { $0.finishErrors = [.unavailable("down")] }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(provider) { $0.retryBaseSeconds = 0.01 }.workBatch()

        #expect(provider.sent.count == 1)
        #expect(stage.ledger.settled == [[key(1, device): .sent(badge: 0)]])
        #expect(stage.queue.results == [PushJobID(1): .done])
    }

    @Test func `a job that is delivered twice alerts once`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider()
        let worker = stage.worker(provider)
        for job in 1...3 {
            stage.queue.add(.sample(Int64(job), to: [2], message: 1))
            _ = try await worker.workBatch()
        }
        #expect(provider.sent.count == 1)
        #expect(stage.queue.results == [PushJobID(1): .done, PushJobID(2): .done, PushJobID(3): .done])
    }

    @Test func `a job that comes twice in one batch alerts once, and the second looks again later`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider()
        let worker = stage.worker(provider)
        stage.queue.add(.sample(1, to: [2], message: 1), .sample(2, to: [2], message: 1))
        _ = try await worker.workBatch()
        #expect(provider.sent.count == 1)
        #expect(stage.queue.results == [PushJobID(1): .done, PushJobID(2): .returned(after: 10, recipients: [user])])

        stage.queue.add(.sample(2, to: [2], attempt: 2, message: 1))
        _ = try await worker.workBatch()
        #expect(provider.sent.count == 1)
        #expect(stage.queue.results[PushJobID(2)] == .done)
    }

    @Test(arguments: [1, 8, 20])
    func `what another worker has claimed is looked at again, and that counts as no attempt`(attempt: Int) async throws {
        let device = stage.addDevice(1, of: user, .apns(token: "a"))
        let alert = IntendedAlert(key: key(1, device), conversationID: .sample, userID: user, sequenceNumber: 5)
        _ = try await stage.ledger.claim([alert], until: stage.time.now().advanced(bySeconds: 60), at: stage.time.now())
        let provider = FakePushProvider()
        let worker = stage.worker(provider)
        stage.queue.add(.sample(1, to: [2], attempt: attempt))
        _ = try await worker.workBatch()
        #expect(provider.sent.isEmpty)
        #expect(stage.queue.results == [PushJobID(1): .returned(after: 10, recipients: [user])])

        // The other one died.
        stage.time.advance(bySeconds: 60)
        stage.queue.add(.sample(1, to: [2], attempt: attempt + 1))
        _ = try await worker.workBatch()
        #expect(provider.sent.count == 1)
    }

    @Test func `after an answer that was lost the alert is repeated under the same ids`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider { _ in .unanswered(after: nil, reason: "timed out") }
        let worker = stage.worker(provider)
        for attempt in 1...2 {
            stage.queue.add(.sample(1, to: [2], attempt: attempt))
            _ = try await worker.workBatch()
            stage.time.advance(bySeconds: 5)
        }
        #expect(provider.sent.count == 2)
        #expect(provider.sent[0] == provider.sent[1])
    }

    @Test(
        arguments: [
            (.accepted(id: nil), .sent(badge: 7)), (.retry(after: nil, reason: "busy"), .released),
            (.unanswered(after: nil, reason: "timed out"), .unknown(badge: 7)), (.rejected(reason: "no"), .released),
            (.deviceGone(since: nil), .released),
        ] as [(PushAnswer, AlertOutcome)])
    func `the ledger is told what is known of an alert`(answer: PushAnswer, outcome: AlertOutcome) async throws {
        let device = stage.addDevice(1, of: user, .apns(token: "a"))
        stage.ledger.totals.withLock { $0 = [user: 7] }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(FakePushProvider { _ in answer }).workBatch()
        #expect(stage.ledger.settled == [[key(1, device): outcome]])
    }

    @Test func `an answer that was lost is tried again as often as a refusal`() async throws {
        let provider = FakePushProvider(name: "apns") { _ in .unanswered(after: 20, reason: "no answer in time") }
        let worker = stage.worker(provider)
        stage.queue.add(.sample(1, to: [2], attempt: 7), .sample(2, to: [2], attempt: 8))
        _ = try await worker.workBatch()
        let reason = "apns: no answer in time"
        #expect(
            stage.queue.results == [
                PushJobID(1): .retry(after: 32, recipients: [user], reason: reason),
                PushJobID(2): .dead(recipients: [user], reason: reason),
            ])
    }

    @Test func `an alert whose answer was lost is taken back when it is read, and one that was refused is not`() async throws {
        for (answer, isTakenBack) in [
            (PushAnswer.unanswered(after: nil, reason: "timed out"), true), (.retry(after: nil, reason: "busy"), false),
        ] {
            let stage = Stage()
            _ = stage.addDevice(1, of: user, .apns(token: "a"))
            let provider = FakePushProvider { notification in
                if case .message = notification.content { answer } else { .accepted(id: nil) }
            }
            let worker = stage.worker(provider)
            stage.queue.add(.sample(1, to: [2]))
            _ = try await worker.workBatch()
            stage.ledger.read(user, in: .sample, to: 5, at: stage.time.now())
            #expect(try await worker.workTakeBacks() == (isTakenBack ? 1 : 0))
        }
    }

    @Test func `what was sent is not repeated when another device of the recipient is still owed`() async throws {
        let sent = stage.addDevice(1, of: user, .apns(token: "a"))
        let owed = stage.addDevice(2, of: user, .fcm(token: "b"))
        let provider = FakePushProvider { $0.device == owed ? .retry(after: nil, reason: "busy") : .accepted(id: nil) }
        let worker = stage.worker(provider)
        for attempt in 1...3 {
            stage.queue.add(.sample(1, to: [2], attempt: attempt))
            _ = try await worker.workBatch()
            stage.time.advance(bySeconds: 5)
        }
        #expect(provider.sent.map(\.device).filter { $0 == sent }.count == 1)
        #expect(provider.sent.map(\.device).filter { $0 == owed }.count == 3)
    }

    @Test func `a ledger that fails after sending is told again, and the job is not finished before`() async throws {
        let device = stage.addDevice(1, of: user, .apns(token: "a"))
        let ledger = stage.ledger
        let provider = FakePushProvider { _ in
            ledger.fail(.unavailable("down"), .unavailable("down"))
            return .accepted(id: nil)
        }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(provider) { $0.retryBaseSeconds = 0.01 }.workBatch()
        #expect(stage.ledger.settled == [[key(1, device): .sent(badge: 0)]])
        #expect(stage.queue.finished == [[PushJobID(1): .done]])
    }

    @Test func `jobs whose sending cannot be written down are left to their lease`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let ledger = stage.ledger
        let provider = FakePushProvider { _ in
            ledger.fail(.unavailable("1"), .unavailable("2"), .unavailable("3"))
            return .accepted(id: nil)
        }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(provider) {
            $0.retryBaseSeconds = 0.01
            $0.recordAttempts = 3
        }.workBatch()
        #expect(stage.queue.finished.isEmpty)
    }

    // MARK: Bursts

    @Test func `after the third alert of a conversation there is one for all that is unread`() async throws {
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider()
        let worker = stage.worker(provider)
        for number in 1...5 {
            stage.setStanding(user, unread: Int64(number))
            stage.queue.add(.sample(Int64(number), to: [2], number: Int64(number)))
            _ = try await worker.workBatch()
        }
        #expect(provider.messages.map(\.count) == [1, 1, 1, 4, 5])
        #expect(provider.messages.map(\.text) == ["Hello", "Hello", "Hello", "4 new messages", "5 new messages"])

        // Reading begins anew.
        stage.ledger.read(user, in: .sample, to: 5, at: stage.time.now())
        stage.setStanding(user, lastRead: 5, unread: 1)
        stage.queue.add(.sample(6, to: [2], number: 6))
        _ = try await worker.workBatch()
        #expect(provider.messages.last?.text == "Hello")
    }

    @Test func `a burst that comes in one batch collapses likewise, for each device and conversation`() async throws {
        let other = ConversationID(2)
        stage.setStanding(user, unread: 12)
        stage.setStanding(user, in: other, unread: 3)
        let devices = [stage.addDevice(1, of: user, .apns(token: "a")), stage.addDevice(2, of: user, .apns(token: "b"))]
        let provider = FakePushProvider()
        for number in 1...5 { stage.queue.add(.sample(Int64(number), to: [2], number: Int64(number))) }
        for number in 6...8 { stage.queue.add(.sample(Int64(number), to: [2], in: other, number: Int64(number))) }
        _ = try await stage.worker(provider) { $0.maxConcurrentSends = 1 }.workBatch()

        for device in devices {
            let alerts = provider.sent.filter { $0.device == device }.compactMap { notification -> PushMessage? in
                if case .message(let message) = notification.content { message } else { nil }
            }
            #expect(alerts.map(\.count) == [1, 1, 1, 12, 12, 1, 1, 1])
        }
    }

    @Test(arguments: [0, 1])
    func `an alert stands for one message when no more are known to be unread`(unread: Int64) async throws {
        stage.setStanding(user, unread: unread)
        _ = stage.addDevice(1, of: user, .apns(token: "a"))
        let provider = FakePushProvider()
        for number in 1...4 { stage.queue.add(.sample(Int64(number), to: [2], number: Int64(number))) }
        _ = try await stage.worker(provider).workBatch()
        #expect(provider.messages.map(\.count) == [1, 1, 1, 1])
    }

    // MARK: What is told

    @Test func `an alert carries the recipient's unread messages, and zero as zero`() async throws {
        stage.ledger.totals.withLock { $0 = [UserID(2): 7] }
        for user: UInt64 in 2...3 { _ = stage.addDevice(user, of: UserID(user), .apns(token: "\(user)")) }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2, 3]))
        _ = try await stage.worker(provider).workBatch()
        #expect(provider.sent.first { $0.recipientID == UserID(2) }?.badge == 7)
        #expect(provider.sent.first { $0.recipientID == UserID(3) }?.badge == 0)
    }

    @Test func `nothing is counted for recipients without a device`() async throws {
        stage.ledger.totals.withLock { $0 = [UserID(2): 7] }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2, 3]))
        _ = try await stage.worker(provider).workBatch()
        #expect(provider.sent.map(\.badge) == [nil, nil])
        #expect(!stage.ledger.calls.contains("unreadTotals"))
    }

    @Test(
        arguments: [
            (PushPrivacy.full, nil, "Ada", "Hello"), (.full, .sender, "Ada", "New message"), (.full, .ids, nil, nil),
            (.sender, .full, "Ada", "New message"), (.ids, .full, nil, nil),
        ] as [(PushPrivacy, PushPrivacy?, String?, String?)])
    func `the stricter of the deployment's and the recipient's privacy holds`(
        deployment: PushPrivacy, own: PushPrivacy?, title: String?, text: String?
    ) async throws {
        stage.settings.settings.withLock {
            $0[UserID(1)] = NotificationSettings(displayName: "Ada", timeZone: "UTC", quietHours: nil, privacy: .ids)
            $0[user] = NotificationSettings(displayName: "Ben", timeZone: "UTC", quietHours: nil, privacy: own)
        }
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(provider) { $0.privacy = deployment }.workBatch()
        #expect(provider.messages.map(\.title) == [title])
        #expect(provider.messages.map(\.text) == [text])
    }

    @Test func `an alert that has expired is not sent`() async throws {
        let provider = FakePushProvider()
        stage.queue.add(.sample(1, to: [2]))
        stage.time.advance(bySeconds: PushNotification.defaultLifetimeSeconds)
        _ = try await stage.worker(provider).workBatch()
        #expect(provider.sent.isEmpty)
        #expect(stage.queue.results == [PushJobID(1): .done])
    }

    @Test func `quiet hours, mutes and levels are heeded at the moment of sending`() async throws {
        stage.setStanding(UserID(3), mute: .until(stage.time.now().advanced(bySeconds: 10)))
        stage.setStanding(UserID(4), level: .mentions)
        // 22:13:20 in UTC.
        let quiet = NotificationSettings(
            displayName: nil, timeZone: "UTC", quietHours: QuietHours(from: 22 * 60, to: 22 * 60 + 14), privacy: nil)
        stage.settings.settings.withLock { $0[UserID(5)] = quiet }
        let provider = FakePushProvider()
        let worker = stage.worker(provider)
        for job in 1...2 {
            stage.queue.add(.sample(Int64(job), to: [2, 3, 4, 5]))
            _ = try await worker.workBatch()
            stage.time.advance(bySeconds: 60)
        }
        #expect(provider.recipients == [2, 2, 3, 5].map { UserID($0) })
    }
}
