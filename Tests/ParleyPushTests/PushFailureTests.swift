import ParleyCore
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyPush

/// Providers that are slow, down, or ask for patience.
struct PushFailureTests {
    let stage = Stage()

    /// Answers when it is opened.
    private final class Gate: Sendable {
        private let state = Mutex((isOpen: false, waiting: [CheckedContinuation<Void, Never>]()))

        func pass() async {
            await withCheckedContinuation { continuation in
                let isOpen = state.withLock { state in
                    if !state.isOpen { state.waiting.append(continuation) }
                    return state.isOpen
                }
                if isOpen { continuation.resume() }
            }
        }

        func open() {
            let waiting = state.withLock { state in
                state.isOpen = true
                defer { state.waiting = [] }
                return state.waiting
            }
            for waiter in waiting { waiter.resume() }
        }
    }

    @Test(.timeLimit(.minutes(1)))
    func `a provider that answers nothing holds up neither the others nor their jobs`() async throws {
        let gate = Gate()
        let stuck = FakePushProvider(name: "stuck", deviceKinds: [.apns]) { _ in
            await gate.pass()
            return .accepted(id: nil)
        }
        let good = FakePushProvider(name: "good", deviceKinds: [.fcm])
        for user in 2...9 {
            _ = stage.addDevice(UInt64(user), of: UserID(UInt64(user)), user < 8 ? .apns(token: "\(user)") : .fcm(token: "\(user)"))
        }
        let worker = stage.worker(stuck, good) {
            $0.maxConcurrentSends = 2
            $0.patienceSeconds = 0.05
            $0.maxPortions = 1
            $0.idleSeconds = 0.01
        }
        let running = Task { try await worker.run() }
        for user in 2...8 { stage.queue.add(.sample(Int64(user), to: [UInt64(user)])) }
        worker.wake()

        // Five go back, one is told; two are still with the provider.
        try await eventually { stage.queue.results.count == 5 }
        #expect(stage.queue.results[PushJobID(8)] == .done)
        #expect(stuck.sent.count == 2)
        for user in 4...7 {
            guard case .returned(let seconds, [UserID(UInt64(user))])? = stage.queue.results[PushJobID(Int64(user))] else {
                Issue.record("job \(user): \(String(describing: stage.queue.results[PushJobID(Int64(user))]))")
                continue
            }
            #expect((0.5...60).contains(seconds))
        }
        // What comes now goes back, or goes on, at once.
        stage.queue.add(.sample(14, to: [4]), .sample(19, to: [9]))
        worker.wake()
        try await eventually { stage.queue.results.count == 7 }
        #expect(stage.queue.results[PushJobID(19)] == .done)
        #expect(stage.queue.results[PushJobID(14)] != .done)

        gate.open()
        try await eventually { stage.queue.results.count == 9 }
        #expect(stage.queue.results[PushJobID(2)] == .done)
        #expect(stage.queue.results[PushJobID(3)] == .done)
        stage.queue.add(.sample(4, to: [4], attempt: 2))
        worker.wake()
        try await eventually { stage.queue.results[PushJobID(4)] == .done }
        worker.stop()
        try await running.value
    }

    @Test(.timeLimit(.minutes(1)))
    func `answers are written down while another provider is slow`() async throws {
        let gate = Gate()
        let slow = FakePushProvider(name: "slow", deviceKinds: [.apns]) { _ in
            await gate.pass()
            return .accepted(id: nil)
        }
        let good = FakePushProvider(name: "good", deviceKinds: [.fcm])
        _ = stage.addDevice(2, of: UserID(2), .apns(token: "2"))
        let told = stage.addDevice(3, of: UserID(3), .fcm(token: "3"))
        stage.queue.add(.sample(1, to: [2, 3]), .sample(2, to: [3]))
        let worker = stage.worker(slow, good)
        let working = Task { try await worker.workBatch() }
        try await eventually { stage.queue.results == [PushJobID(2): .done] }
        let settled = stage.ledger.settled.reduce(into: [:]) { $0.merge($1) { $1 } }
        #expect(settled.keys.map(\.deviceID) == [told.id, told.id])
        gate.open()
        _ = try await working.value
        #expect(stage.queue.results == [PushJobID(1): .done, PushJobID(2): .done])
    }

    @Test(.timeLimit(.minutes(1)))
    func `a cancelled worker writes down what was sent and gives back the rest`() async throws {
        let gate = Gate()
        let provider = FakePushProvider { _ in
            await gate.pass()
            return .accepted(id: nil)
        }
        for user in 2...4 { _ = stage.addDevice(UInt64(user), of: UserID(UInt64(user)), .apns(token: "\(user)")) }
        stage.queue.add(.sample(1, to: [2, 3, 4], attempt: 8))
        let worker = stage.worker(provider) {
            $0.maxConcurrentSends = 2
            $0.patienceSeconds = 60
        }
        let working = Task { try await worker.workBatch() }
        try await eventually { provider.sent.count == 2 }
        working.cancel()
        gate.open()
        _ = try await working.value
        let outcomes = stage.ledger.settled.reduce(into: [:]) { $0.merge($1) { $1 } }
        #expect(outcomes.values.filter { $0 == .sent(badge: 0) }.count == 2)
        #expect(outcomes.values.filter { $0 == .released }.count == 1)
        #expect(stage.queue.results == [PushJobID(1): .returned(after: 0, recipients: [UserID(4)])])
    }

    @Test func `a device waits as long as its push service asks, whatever else its recipient or job is owed`() async throws {
        let patient = stage.addDevice(1, of: UserID(2), .apns(token: "a"))
        let other = stage.addDevice(2, of: UserID(2), .fcm(token: "b"))
        let answers = Mutex<[DeviceID: PushAnswer]>([
            patient.id: .retry(after: 60, reason: "slow down"), other.id: .retry(after: nil, reason: "busy"),
        ])
        let provider = FakePushProvider { notification in
            answers.withLock { $0[notification.device?.id ?? patient.id] ?? .accepted(id: nil) }
        }
        let worker = stage.worker(provider)
        stage.queue.add(.sample(1, to: [2]))
        _ = try await worker.workBatch()
        guard case .retry(0.5, [UserID(2)], _)? = stage.queue.results[PushJobID(1)] else {
            Issue.record("\(stage.queue.results)")
            return
        }

        stage.time.advance(bySeconds: 0.5)
        answers.withLock { $0[other.id] = .accepted(id: nil) }
        stage.queue.add(.sample(1, to: [2], attempt: 2))
        _ = try await worker.workBatch()
        #expect(provider.sent.filter { $0.device == patient }.count == 1)
        #expect(provider.sent.filter { $0.device == other }.count == 2)
        #expect(stage.queue.results == [PushJobID(1): .returned(after: 59.5, recipients: [UserID(2)])])

        // Another message waits, too.
        stage.queue.add(.sample(2, to: [2]))
        _ = try await worker.workBatch()
        #expect(provider.sent.filter { $0.device == patient }.count == 1)

        stage.time.advance(bySeconds: 59.5)
        answers.withLock { $0 = [:] }
        stage.queue.add(.sample(1, to: [2], attempt: 3))
        _ = try await worker.workBatch()
        #expect(provider.sent.filter { $0.device == patient }.count == 2)
        #expect(stage.queue.results[PushJobID(1)] == .done)
    }

    @Test func `a dead letter says what the provider said`() async throws {
        stage.queue.add(.sample(1, to: [2], attempt: 8))
        _ = try await stage.worker(FakePushProvider(name: "apns") { _ in .retry(after: nil, reason: "503 ServiceUnavailable") }).workBatch()
        #expect(stage.queue.results == [PushJobID(1): .dead(recipients: [UserID(2)], reason: "apns: 503 ServiceUnavailable")])
    }

    @Test(arguments: [(nil, false), (-1, true), (0, false), (1, false)] as [(Double?, Bool)])
    func `a device that is gone is forgotten unless it was registered again since`(seconds: Double?, isKept: Bool) async throws {
        let device = stage.addDevice(1, of: UserID(2), .apns(token: "a"))
        let since = seconds.map { device.createdAt.advanced(bySeconds: $0) }
        stage.queue.add(.sample(1, to: [2]))
        _ = try await stage.worker(FakePushProvider { _ in .deviceGone(since: since) }).workBatch()
        #expect(stage.devices.devices.withLock { $0 } == [UserID(2): isKept ? [device] : []])
        #expect(stage.queue.results == [PushJobID(1): .done])
    }

    @Test func `reasons of failures make a bounded number of series`() {
        let counters = PushFailureCounters()
        for number in 1...1000 { counters.count(provider: "apns", outcome: "retry", reason: "\(number)") }
        counters.count(provider: "fcm", outcome: "rejected", reason: String(repeating: "x", count: 1000))
        #expect(counters.labels.count == PushFailureCounters.maxReasons + 2)
        #expect(counters.labels.contains { $0.provider == "apns" && $0.reason == "other" })
        #expect(counters.labels.allSatisfy { $0.reason.count <= 60 })
    }

    @Test func `pauses are bounded`() {
        let pauses = PushPauses()
        let now = HandMovedTime.start
        func alert(_ number: Int) -> AlertKey { AlertKey(messageID: MessageID(high: 1, low: 1), deviceID: DeviceID(UInt64(number))) }
        for number in 1...PushPauses.maxCount + 10 {
            pauses.pause(.alert(alert(number)), until: now.advanced(bySeconds: 10), at: now)
        }
        #expect(pauses.seconds(of: alert(PushPauses.maxCount + 10), at: now) == 10)
        #expect(pauses.seconds(of: alert(1), at: now) == nil)
        #expect(pauses.seconds(of: alert(PushPauses.maxCount + 10), at: now.advanced(bySeconds: 10)) == nil)
    }
}
