import Foundation
import ParleyCore
import ParleyModel
import ParleyPush
import Synchronization

/// The rows of `parley bench --push`: notifications through the push worker, with the stores of embedded mode, to stand-ins for
/// the push services, beside what the connections and the providers can do by themselves.
///
/// The workers run in this process, the stand-ins in another one, so that the processor time of each side is known.
struct PushBench {
    let configuration: BenchConfiguration
    let target: PushTarget

    private var sizes: PushSizes { configuration.sizes.push }

    func measure(_ results: inout BenchResults) async throws {
        var measured = results
        let counts = try await DataFolder.with(in: configuration.parentFolder) { folder in
            try await PushStandIns.with(configuration, target, subscriptions: sizes.users, in: folder) { standIns in
                let services = try target.services(standIns.folder)
                for turn in 1...configuration.measuredRepeats {
                    try await measureLimits(services, standIns, folder, turn: turn, &measured)
                    try await measureWorkers(services, standIns, turn: turn, &measured)
                    try await measureStall(services, standIns, turn: turn, &measured)
                }
            }
        }
        try configuration.pushTally.check(counts)
        results = measured
        results.pushAccepted = counts.accepted
    }

    // MARK: Without a worker

    private func measureLimits(
        _ services: BenchPushServices, _ standIns: PushStandIns, _ folder: DataFolder, turn: Int, _ results: inout BenchResults
    ) async throws {
        for service in PushRow.networked {
            let crowd = PushCrowd(service, sizes, large: 0, subscriptions: services.subscriptions)
            let opened = try services.open(service, folder.pushLog)
            do {
                try await measureLimits(of: service, opened, crowd, standIns, turn: turn, &results)
            } catch {
                await opened.close()
                throw error
            }
            await opened.close()
        }
    }

    private func measureLimits(
        of service: PushService, _ opened: OpenedPushProvider, _ crowd: PushCrowd, _ standIns: PushStandIns, turn: Int,
        _ results: inout BenchResults
    ) async throws {
        let notifications = crowd.devices.map(Self.notification)
        if let call = await opened.bareCalls(notifications[0]) {
            try await measure(.bare(callers: sizes.callers), service, standIns, turn: turn, &results) { _ in
                guard await call() else { throw BenchError.notAccepted("a bare request") }
            }
        }
        try await measure(.provider(service, callers: sizes.callers), service, standIns, turn: turn, &results) { caller in
            let answer = await opened.provider.send(notifications[caller % notifications.count])
            guard case .accepted = answer else { throw BenchError.notAccepted("\(answer)") }
        }
    }

    private func measure(
        _ row: PushRow, _ service: PushService, _ standIns: PushStandIns, turn: Int, _ results: inout BenchResults,
        _ call: @escaping @Sendable (_ caller: Int) async throws -> Void
    ) async throws {
        progress(row, turn)
        let own = ProcessUsage(of: getpid()).processorSeconds
        let theirs = standIns.processorSeconds
        let tally = configuration.pushTally
        let limit = EngineLimit(row.title, callers: sizes.callers, perCall: 1) { caller in
            try await call(caller)
            tally.add(service, 1)
        }
        let sample = try await limit.measure(warmUpSeconds: configuration.warmUpSeconds, seconds: configuration.measuredSeconds)
        results.add(
            .push(row),
            Observation(
                sample: sample, serverSeconds: ProcessUsage(of: getpid()).processorSeconds - own,
                generatorSeconds: standIns.processorSeconds - theirs))
    }

    private static func notification(for device: Device) -> PushNotification {
        let now = SystemTimeSource().now()
        let message = PushMessage(
            messageID: MessageIDGenerator().next(at: now), conversationID: .random(), senderID: .random(), sequenceNumber: 1,
            createdAt: now,
            title: nil, text: String(BenchText.message.prefix(50)))
        return PushNotification(
            content: .message(message), recipientID: device.userID, device: device, badge: 1, expiresAt: now.advanced(bySeconds: 86_400))
    }

    // MARK: Through workers

    /// Each turn has data of its own, and the other order.
    private func measureWorkers(
        _ services: BenchPushServices, _ standIns: PushStandIns, turn: Int, _ results: inout BenchResults
    ) async throws {
        let crowds = Dictionary(
            uniqueKeysWithValues: [PushService.apns, .fcm, .webpush].map { service in
                let large = service == .apns ? sizes.largeRecipients : 0
                return (service.deviceKind, PushCrowd(service, sizes, large: large, subscriptions: services.subscriptions))
            })
        try await withArena(services, standIns, Array(crowds.values)) { arena in
            let rows = PushRow.throughWorkers(sizes)
            for row in turn.isMultiple(of: 2) ? rows.reversed() : rows {
                progress(row, turn)
                switch row {
                case .fullLoad(let service, let workers, let recipients):
                    let places = crowds[service.deviceKind]?.places[recipients] ?? []
                    results.add(.push(row), try await arena.fullLoad(service, workers: workers, places: places))
                case .largeGroup(let recipients, let workers):
                    guard let place = crowds[.apns]?.places[recipients]?.first else { continue }
                    results.add(.push(row), try await arena.largeGroup(workers: workers, place: place))
                case .bare, .provider, .besideFCM: break
                }
            }
        }
    }

    /// Each of the two has data of its own: what is owed to the push service that stalls goes with them.
    private func measureStall(_ services: BenchPushServices, _ standIns: PushStandIns, turn: Int, _ results: inout BenchResults)
        async throws
    {
        for isStalled in turn.isMultiple(of: 2) ? [true, false] : [false, true] {
            let row = PushRow.besideFCM(isStalled: isStalled)
            let crowd = PushCrowd(mixed: [.apns, .fcm], sizes)
            try await withArena(services, standIns, [crowd]) { arena in
                progress(row, turn)
                let places = crowd.places[sizes.groupRecipients] ?? []
                results.add(.push(row), try await arena.besideFCM(isStalled: isStalled, places: places))
            }
        }
    }

    private func withArena(
        _ services: BenchPushServices, _ standIns: PushStandIns, _ crowds: [PushCrowd], _ body: (PushArena) async throws -> Void
    ) async throws {
        try await DataFolder.with(in: configuration.parentFolder) { folder in
            configuration.progress("seeding")
            let stores = try await target.openStores(folder.data)
            do {
                for crowd in crowds { try await crowd.seed(stores) }
                try await body(PushArena(configuration, services, standIns, stores, folder))
            } catch {
                await stores.close()
                throw error
            }
            await stores.close()
        }
    }

    private func progress(_ row: PushRow, _ turn: Int) {
        configuration.progress("\(row.title), \(row.count) \(row.counted), \(turn) of \(configuration.measuredRepeats)")
    }
}

/// What this side believes to have been accepted, to be held against what the stand-ins say.
final class PushTally: Sendable {
    private let accepted = Mutex<[PushService: Int]>([:])

    func add(_ service: PushService, _ count: Int) { accepted.withLock { $0[service, default: 0] += count } }

    /// Throws when the stand-ins have accepted another number, or have refused anything.
    func check(_ counts: PushStandInCounts) throws {
        for (service, count) in accepted.withLock({ $0 }) where service != .log {
            let theirs = counts.accepted[service] ?? 0
            guard count == theirs else {
                throw BenchError.notAccepted("\(service.rawValue): \(count) were accepted here, \(theirs) there")
            }
        }
        if let refused = counts.refusals.first(where: { !$0.value.isEmpty }) {
            throw BenchError.notAccepted("\(refused.key.rawValue): \(refused.value.joined(separator: ", "))")
        }
    }
}
