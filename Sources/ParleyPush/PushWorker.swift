public import Logging
public import ParleyCore
import ParleyModel
public import ServiceLifecycle

/// Takes push jobs from the queue, decides again for each recipient, and hands alerts to the providers; and takes alerts back
/// that were read elsewhere.
///
/// - At least once: a job leaves the queue when each of its recipients was told, dropped, or put aside as a dead letter (P5).
/// - At most once for each message and device, whatever is queued or leased twice: an alert is claimed before it is sent, and
///   written down afterwards. Only where it is not known whether it was sent (the worker died, the answer was lost) is it sent
///   again, under the same ids, and counts as shown meanwhile: reading takes it back.
/// - Recipients are decided upon with what the stores say now, not with what held when the job was made (P7).
/// - Each provider has a window of its own: one that is slow or down holds up no other.
/// - A store error gives the jobs back, and the attempt does not count. While the queue does not take them either, they are
///   handed out again when their lease ends.
public struct PushWorker: Service {
    let queue: any PushQueue
    let ledger: any PushLedger
    let conversations: any PushStandings
    let settings: any NotificationSettingsStore
    let presence: any Presence
    let devices: any DeviceStore
    let routing: PushRouting
    let time: any TimeSource
    let jitter: @Sendable () -> Double
    let configuration: Configuration
    let metrics: PushMetrics
    let logger: Logger
    let createsFirst: CreatesFirst
    let pauses = PushPauses()
    private let portions: SendWindow
    private let takeBackPortions: SendWindow
    private let signal = WakeSignal()
    private let takeBackSignal = WakeSignal()
    private let forgetSignal = WakeSignal()

    /// - Parameters:
    ///   - providers: For each kind of device the first one that serves it; likewise for recipients without device.
    ///   - jitter: Draws from 0...1, for the waits between attempts.
    public init(
        queue: any PushQueue, ledger: any PushLedger, conversations: any PushStandings, settings: any NotificationSettingsStore,
        presence: any Presence, devices: any DeviceStore, providers: [any PushProvider], time: any TimeSource,
        configuration: Configuration = Configuration(), logger: Logger, createsFirst: CreatesFirst = .notNeeded,
        jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        self.createsFirst = createsFirst
        self.queue = queue
        self.ledger = ledger
        self.conversations = conversations
        self.settings = settings
        self.presence = presence
        self.devices = devices
        self.routing = PushRouting(providers, configuration)
        self.time = time
        self.jitter = jitter
        self.configuration = configuration
        self.metrics = PushMetrics(providers: providers.map(\.name))
        self.logger = logger
        portions = SendWindow(size: configuration.maxPortions, patience: .seconds(1e9))
        takeBackPortions = SendWindow(size: configuration.maxPortions, patience: .seconds(1e9))
    }

    /// There may be jobs. Returns at once, from any thread.
    public func wake() { signal.wake() }

    /// Ends `run` after the jobs in hand.
    func stop() {
        for signal in [signal, takeBackSignal, forgetSignal] { signal.stop() }
    }

    /// Works until graceful shutdown, then finishes the jobs in hand. Cancellation returns what was not sent yet.
    public func run() async throws {
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { group in
                group.addTask {
                    await repeatWork("alerts", signal) { group async throws(StoreError) in try await beginBatch(in: &group) }
                }
                group.addTask {
                    await repeatWork("taking back", takeBackSignal) { group async throws(StoreError) in
                        try await beginTakeBacks(in: &group)
                    }
                }
                group.addTask { await forgetOldAlerts() }
            }
        } onGracefulShutdown: {
            stop()
        }
    }

    private func repeatWork(
        _ what: String, _ signal: WakeSignal, _ begin: (inout DiscardingTaskGroup) async throws(StoreError) -> Int
    ) async {
        await withDiscardingTaskGroup { group in
            var failures = 0
            while !signal.isStopped, !Task.isCancelled {
                do throws(StoreError) {
                    let begun = try await begin(&group)
                    failures = 0
                    if begun == 0 { await signal.sleepUntilWoken(atMostSeconds: configuration.idleSeconds) }
                } catch {
                    failures += 1
                    logger.error(
                        "push worker cannot reach a store",
                        metadata: ["work": "\(what)", "error": "\(error)", "failures": "\(failures)"])
                    // Wakes do not shorten this: each message stored would ask the failing store again.
                    await signal.sleep(seconds: configuration.storeErrorBackoff.seconds(afterAttempt: failures, jitter: jitter()))
                }
            }
        }
    }

    /// Leases jobs and begins to send their alerts, portion by portion; tells how many jobs were leased. It returns when the
    /// last portion has begun, which waits for its turn; what is sent is written down by tasks of the group.
    ///
    /// It rests after each portion: the longest rest is short beside what a batch of a large group's jobs asks of the stores.
    private func beginBatch(in group: inout DiscardingTaskGroup) async throws(StoreError) -> Int {
        let leasedAt = time.now()
        let leasing = ContinuousClock.now
        let jobs = try await queue.lease(limit: configuration.batchSize, seconds: configuration.leaseSeconds, at: leasedAt)
        var worked = ContinuousClock.now - leasing
        var rest = jobs[...]
        while !rest.isEmpty {
            let portion = rest.prefix(portionOf: configuration.portionRecipients)
            guard await portions.take() == .granted else {
                await giveBack(rest, after: 0)
                break
            }
            let deciding = ContinuousClock.now
            // What is begun now must be settled before others get the jobs.
            guard time.now() < leasedAt.advanced(bySeconds: configuration.leaseSeconds - configuration.claimSeconds) else {
                portions.giveBack(isAnswered: true)
                await giveBack(rest, after: 0)
                break
            }
            do throws(StoreError) {
                let plan = try await plan(of: Array(portion))
                let decidedAt = time.now()
                group.addTask {
                    await send(plan, decidedAt: decidedAt) { portions.giveBack(isAnswered: true) }
                }
            } catch {
                portions.giveBack(isAnswered: true)
                let seconds = configuration.storeErrorBackoff.seconds(afterAttempt: 1, jitter: jitter())
                await giveBack(rest, after: seconds)
                throw error
            }
            rest = rest.dropFirst(portion.count)
            worked += ContinuousClock.now - deciding
            if !signal.isStopped { await createsFirst.rest(after: worked) }
            worked = .zero
        }
        return jobs.count
    }

    /// As in ``run()``, once, until all is written down.
    func workBatch() async throws(StoreError) -> Int {
        try await once { group async throws(StoreError) in try await beginBatch(in: &group) }
    }

    /// As in ``run()``, once, until all is written down; tells how many there were.
    func workTakeBacks() async throws(StoreError) -> Int {
        try await once { group async throws(StoreError) in try await beginTakeBacks(in: &group) }
    }

    private func once(_ begin: (inout DiscardingTaskGroup) async throws(StoreError) -> Int) async throws(StoreError) -> Int {
        let result = await withDiscardingTaskGroup { group in
            do throws(StoreError) {
                return Result<Int, StoreError>.success(try await begin(&group))
            } catch {
                return Result<Int, StoreError>.failure(error)
            }
        }
        return try result.get()
    }

    private func beginTakeBacks(in group: inout DiscardingTaskGroup) async throws(StoreError) -> Int {
        guard await takeBackPortions.take() == .granted else { return 0 }
        do throws(StoreError) {
            let start = ContinuousClock.now
            let plan = try await planTakeBacks()
            group.addTask { await send(plan) { takeBackPortions.giveBack(isAnswered: true) } }
            if !takeBackSignal.isStopped { await createsFirst.rest(after: ContinuousClock.now - start) }
            return plan.takeBacks.count
        } catch {
            takeBackPortions.giveBack(isAnswered: true)
            throw error
        }
    }

    private func forgetOldAlerts() async {
        while !forgetSignal.isStopped, !Task.isCancelled {
            do throws(StoreError) {
                let now = time.now()
                var forgotten = configuration.forgetBatch
                while forgotten == configuration.forgetBatch, !forgetSignal.isStopped, !Task.isCancelled {
                    forgotten = try await ledger.forgetAlerts(
                        before: now.advanced(bySeconds: -configuration.rememberSeconds), limit: configuration.forgetBatch)
                }
            } catch {
                logger.warning("old alerts cannot be forgotten", metadata: ["error": "\(error)"])
            }
            await forgetSignal.sleep(seconds: configuration.forgetSeconds)
        }
    }
}

extension ArraySlice<LeasedPushJob> {
    /// The first jobs with no more recipients than that, and at least one.
    fileprivate func prefix(portionOf recipients: Int) -> ArraySlice {
        var count = 0
        var left = recipients
        for leased in self {
            left -= leased.job.recipients.count
            if left < 0, count > 0 { break }
            count += 1
        }
        return prefix(count)
    }
}
