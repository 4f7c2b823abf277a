import Foundation
import Logging
import ParleyCore
import ParleyModel
import ParleyPush

/// Seeded stores, stand-ins that run, and what is needed to measure push workers between them.
struct PushArena: Sendable {
    let configuration: BenchConfiguration
    let services: BenchPushServices
    let standIns: PushStandIns
    let stores: PushStores
    let folder: DataFolder

    /// How long after the last message everything must be accepted and written down.
    private static let drainSeconds = 90.0

    private let ids = MessageIDGenerator()
    private let time = SystemTimeSource()

    init(
        _ configuration: BenchConfiguration, _ services: BenchPushServices, _ standIns: PushStandIns, _ stores: PushStores,
        _ folder: DataFolder
    ) {
        self.configuration = configuration
        self.services = services
        self.standIns = standIns
        self.stores = stores
        self.folder = folder
    }

    private var sizes: PushSizes { configuration.sizes.push }

    // MARK: Rows

    /// As much as can be sent: so many notifications are always queued and not accepted.
    func fullLoad(_ service: PushService, workers: Int, places: [PushCrowd.Place]) async throws -> Observation {
        try await withWorkers(workers, [service]) { wake, meters in
            let meter = meters[0]
            var rounds = Rounds(places)
            try await keepBusy(meter, &rounds, wake, seconds: configuration.warmUpSeconds, atLeast: 0)
            meter.beginMeasuring()
            try await keepBusy(meter, &rounds, wake, seconds: configuration.measuredSeconds, atLeast: 1)
            let measured = meter.endMeasuring()
            try await drain(meters)
            return LoadSample(histogram: measured.histogram, seconds: measured.seconds, answers: Int64(meter.accepted))
        }
    }

    /// One message to all of a large group, and the next one when all have been told: the rate is that from the message to the last
    /// of them.
    func largeGroup(workers: Int, place: PushCrowd.Place) async throws -> Observation {
        try await withWorkers(workers, [.apns]) { wake, meters in
            let meter = meters[0]
            try await send(place, meter, wake)
            meter.beginMeasuring()
            let end = ContinuousClock.now + .seconds(configuration.measuredSeconds)
            var seconds = 0.0
            repeat {
                let start = ContinuousClock.now
                try await send(place, meter, wake)
                seconds += Double((ContinuousClock.now - start).nanoseconds) / 1e9
                try await drain(meters)
            } while ContinuousClock.now < end
            return LoadSample(histogram: meter.endMeasuring().histogram, seconds: seconds, answers: Int64(meter.accepted))
        }
    }

    /// Messages to users of APNs and of FCM at times fixed beforehand; what is told is of APNs. Where FCM stalls, nobody waits for it.
    func besideFCM(isStalled: Bool, places: [PushCrowd.Place]) async throws -> Observation {
        try await withWorkers(1, [.apns, isStalled ? .stalledFCM : .fcm]) { wake, meters in
            let share = sizes.groupRecipients / 2
            let queued = { for meter in meters { meter.queued(share) } }
            var rounds = Rounds(places)
            try await inTime(&rounds, wake, seconds: configuration.warmUpSeconds, queued: queued)
            meters[0].beginMeasuring()
            try await inTime(&rounds, wake, seconds: configuration.measuredSeconds, queued: queued)
            // What is late counts too.
            try await drain(isStalled ? [meters[0]] : meters, isAllDone: !isStalled)
            let measured = meters[0].endMeasuring()
            return LoadSample(
                histogram: measured.histogram, seconds: configuration.measuredSeconds, answers: Int64(meters.map(\.accepted).reduce(0, +)))
        }
    }

    // MARK: Feeding

    /// Places in turn.
    private struct Rounds {
        private let places: [PushCrowd.Place]
        private var next = 0

        init(_ places: [PushCrowd.Place]) { self.places = places }

        mutating func take() -> PushCrowd.Place {
            defer { next = (next + 1) % places.count }
            return places[next]
        }
    }

    /// What is queued together, in notifications.
    private static let step = 100

    private func keepBusy(
        _ meter: PushMeter, _ rounds: inout Rounds, _ wake: () -> Void, seconds: Double, atLeast count: Int64
    ) async throws {
        let end = ContinuousClock.now + .seconds(seconds)
        let limit = end + .seconds(Self.drainSeconds)
        while ContinuousClock.now < end || (meter.measuredCount < count && ContinuousClock.now < limit) {
            guard try meter.open() <= sizes.maxOpen - Self.step else {
                try await Task.sleep(for: .milliseconds(1))
                continue
            }
            let now = time.now()
            var jobs: [PushJob] = []
            var notifications = 0
            while notifications < Self.step {
                jobs.append(job(of: rounds.take(), at: now))
                notifications += jobs[jobs.count - 1].recipients.count
            }
            meter.queued(notifications)
            try await stores.queue.enqueue(jobs, at: now)
            wake()
        }
    }

    private func inTime(_ rounds: inout Rounds, _ wake: () -> Void, seconds: Double, queued: () -> Void) async throws {
        let start = ContinuousClock.now
        let startTime = time.now()
        for message in 0..<max(1, Int(seconds * sizes.openLoopMessages)) {
            let offset = Double(message) / sizes.openLoopMessages
            try await Task.sleep(until: start + .seconds(offset), clock: .continuous)
            queued()
            try await stores.queue.enqueue([job(of: rounds.take(), at: startTime.advanced(bySeconds: offset))], at: time.now())
            wake()
        }
    }

    /// Returns when the last recipient has been told.
    private func send(_ place: PushCrowd.Place, _ meter: PushMeter, _ wake: () -> Void) async throws {
        let now = time.now()
        let whole = job(of: place, at: now)
        let jobs = stride(from: 0, to: place.recipients.count, by: PushJob.maxRecipients).enumerated().map { part, start in
            whole.addressed(
                to: Array(place.recipients[start..<min(start + PushJob.maxRecipients, place.recipients.count)]), part: part)
        }
        meter.queued(place.recipients.count)
        try await stores.queue.enqueue(jobs, at: now)
        wake()
        try await wait(for: [meter])
    }

    private func job(of place: PushCrowd.Place, at now: Timestamp) -> PushJob {
        PushJob(
            messageID: ids.next(at: now), conversationID: place.conversation, senderID: place.sender, sequenceNumber: 1,
            recipients: place.recipients, messagePreview: String(BenchText.message.prefix(50)), createdAt: now, part: 0)
    }

    // MARK: Waiting

    private func wait(for meters: [PushMeter]) async throws {
        let limit = ContinuousClock.now + .seconds(Self.drainSeconds)
        while true {
            let open = try meters.map { try $0.open() }.reduce(0, +)
            if open <= 0 { return }
            guard ContinuousClock.now < limit else {
                throw BenchError.notInTime(missing: "\(open) notifications were not accepted", seconds: Self.drainSeconds)
            }
            try await Task.sleep(for: .milliseconds(1))
        }
    }

    /// Until everything is accepted, and written down unless said otherwise.
    private func drain(_ meters: [PushMeter], isAllDone: Bool = true) async throws {
        try await wait(for: meters)
        let limit = ContinuousClock.now + .seconds(Self.drainSeconds)
        while isAllDone, try await stores.queue.depth().pending > 0 {
            guard ContinuousClock.now < limit else {
                throw BenchError.notInTime(missing: "jobs were not finished", seconds: Self.drainSeconds)
            }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    // MARK: Workers

    /// Runs workers, each with providers of its own, while `body` does; tells what both sides have worked meanwhile.
    private func withWorkers(
        _ count: Int, _ used: [PushService], _ body: (_ wake: () -> Void, _ meters: [PushMeter]) async throws -> LoadSample
    ) async throws -> Observation {
        let meters = used.map { _ in PushMeter() }
        var opened: [OpenedPushProvider] = []
        let own = ProcessUsage(of: getpid()).processorSeconds
        let theirs = standIns.processorSeconds
        let result: Result<LoadSample, any Error>
        do {
            let workers = try (0..<count).map { _ in
                worker(
                    try zip(used, meters).map { service, meter in
                        opened.append(try services.open(service, folder.pushLog))
                        return MeteredPushProvider(provider: opened[opened.count - 1].provider, meter: meter, time: time)
                    })
            }
            result = .success(try await run(workers, meters, body))
        } catch {
            result = .failure(error)
        }
        for provider in opened { await provider.close() }
        let sample = try result.get()
        for (service, meter) in zip(used, meters) { configuration.pushTally.add(service, meter.accepted) }
        return Observation(
            sample: sample, serverSeconds: ProcessUsage(of: getpid()).processorSeconds - own,
            generatorSeconds: standIns.processorSeconds - theirs)
    }

    private func run(
        _ workers: [PushWorker], _ meters: [PushMeter], _ body: (_ wake: () -> Void, _ meters: [PushMeter]) async throws -> LoadSample
    ) async throws -> LoadSample {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for worker in workers { group.addTask { try await worker.run() } }
            defer { group.cancelAll() }
            return try await body({ for worker in workers { worker.wake() } }, meters)
        }
    }

    private func worker(_ providers: [any PushProvider]) -> PushWorker {
        var logger = Logger(label: "parley.bench")
        // Cancelled at the end of a row, a worker complains of the store that it was asking; what matters shows in what is accepted.
        logger.logLevel = .critical
        return PushWorker(
            queue: stores.queue, ledger: stores.ledger, conversations: stores.conversations, settings: stores.settings,
            presence: InProcessPresence(), devices: stores.devices, providers: providers, time: time, logger: logger)
    }
}
