public import Logging
public import ParleyCore
import ParleyModel
public import ServiceLifecycle

/// Takes push jobs from the queue, decides again for each recipient, and hands notifications to the providers.
///
/// - At least once: a job leaves the queue when each of its recipients was told, dropped, or put aside as a dead letter.
///   A crash, or an error of the queue after sending, repeats notifications under the same message ids (P5).
/// - Recipients are decided upon with what the stores say now, not with what held when the job was made (P7).
/// - A store error gives the jobs back, and the attempt does not count. While the queue does not take them either, they are
///   handed out again when their lease ends.
public struct PushWorker: Service {
    let queue: any PushQueue
    let conversations: any PushStandings
    let presence: any Presence
    let devices: any DeviceStore
    let routing: PushRouting
    let time: any TimeSource
    let jitter: @Sendable () -> Double
    let configuration: Configuration
    let metrics: PushMetrics
    let logger: Logger
    let createsFirst: CreatesFirst
    private let signal = WakeSignal()

    /// - Parameters:
    ///   - providers: For each kind of device the first one that serves it; likewise for recipients without device.
    ///   - jitter: Draws from 0...1, for the waits between attempts.
    public init(
        queue: any PushQueue, conversations: any PushStandings, presence: any Presence, devices: any DeviceStore,
        providers: [any PushProvider], time: any TimeSource, configuration: Configuration = Configuration(), logger: Logger,
        createsFirst: CreatesFirst = .notNeeded, jitter: @escaping @Sendable () -> Double = { .random(in: 0...1) }
    ) {
        self.createsFirst = createsFirst
        self.queue = queue
        self.conversations = conversations
        self.presence = presence
        self.devices = devices
        self.routing = PushRouting(providers)
        self.time = time
        self.jitter = jitter
        self.configuration = configuration
        self.metrics = PushMetrics(providers: providers.map(\.name))
        self.logger = logger
    }

    /// There may be jobs. Returns at once, from any thread.
    public func wake() { signal.wake() }

    /// Ends `run` after the batch in hand.
    func stop() { signal.stop() }

    /// Works until graceful shutdown, then finishes the batch in hand. Cancellation returns what was not sent yet.
    public func run() async throws {
        await withGracefulShutdownHandler {
            var failures = 0
            while !signal.isStopped, !Task.isCancelled {
                do {
                    let start = ContinuousClock.now
                    let leased = try await workBatch()
                    failures = 0
                    await createsFirst.rest(after: ContinuousClock.now - start)
                    if leased == 0 { await signal.sleepUntilWoken(atMostSeconds: configuration.idleSeconds) }
                } catch {
                    failures += 1
                    logger.error("push worker cannot reach a store", metadata: ["error": "\(error)", "failures": "\(failures)"])
                    // Wakes do not shorten this: each message stored would ask the failing store again.
                    await signal.sleep(seconds: configuration.storeErrorBackoff.seconds(afterAttempt: failures, jitter: jitter()))
                }
            }
        } onGracefulShutdown: {
            stop()
        }
    }

    /// Leases and finishes one batch; tells how many jobs were leased.
    func workBatch() async throws(StoreError) -> Int {
        let leasedAt = time.now()
        let jobs = try await queue.lease(limit: configuration.batchSize, seconds: configuration.leaseSeconds, at: leasedAt)
        guard !jobs.isEmpty else { return 0 }

        let plan = try await givingBack(jobs) { () async throws(StoreError) in try await self.plan(for: jobs) }
        metrics.countDrops(plan.drops)
        let answers = await send(plan, until: leasedAt.advanced(bySeconds: configuration.sendingSeconds))
        await forgetDevices(gone: answers, in: plan)
        let results = results(of: plan, answers)
        try await queue.finish(results, at: time.now())
        metrics.countJobs(results.values)
        return jobs.count
    }

    /// Decides; nothing is sent yet.
    private func plan(for jobs: [LeasedPushJob]) async throws(StoreError) -> PushPlan {
        let audience = try await audience(of: jobs)
        let chosen = PushSelection(jobs, audience, at: time.now())
        return PushPlan(chosen, try await devices(of: chosen.recipients), routing)
    }
}
