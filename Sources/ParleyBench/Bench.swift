import Foundation
import NIOCore
import NIOPosix
import ParleyModel
import UnixSignals

/// The project's benchmark: starts a server of its own on seeded data, drives it over loopback from this process, and
/// reports rates and latencies as ratios to what the machine could do in the same run.
///
/// Machines are shared and noisy, so references and rows alternate: each create row stands next to a measurement of an
/// empty authenticated route at the same concurrency, and next to one of the disk; ratios come from such neighbours, and
/// medians of the repeats are reported.
public struct Bench: Sendable {
    private let configuration: BenchConfiguration

    public init(configuration: BenchConfiguration) {
        self.configuration = configuration
    }

    /// Measures everything. Takes some ten minutes with the default settings, and a few seconds for a quick run.
    ///
    /// Throws ``BenchError`` at the first answer that is not as expected. The servers and folders that it made are gone
    /// when it returns or throws, also after SIGINT, SIGTERM and SIGHUP, which it turns into ``BenchError/interrupted``.
    public func run() async throws -> BenchReport {
        try await withThrowingTaskGroup(of: BenchReport?.self) { group in
            let signals = await UnixSignalsSequence(trapping: [.sigint, .sigterm, .sighup])
            group.addTask {
                for await _ in signals { throw BenchError.interrupted }
                return nil
            }
            group.addTask { try await measure() }
            defer { group.cancelAll() }
            while let report = try await group.next() {
                if let report { return report }
            }
            throw BenchError.interrupted
        }
    }

    private func measure() async throws -> BenchReport {
        let threads = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let report = try await measure(on: threads.next())
            try await threads.shutdownGracefully()
            return report
        } catch {
            try? await threads.shutdownGracefully()
            throw error
        }
    }

    private func measure(on eventLoop: any EventLoop) async throws -> BenchReport {
        var results = BenchResults()
        let startedAt = Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000))
        try await measureEmbedded(&results, on: eventLoop)
        if configuration.parts.contains(.cluster), let target = configuration.cluster {
            try await ClusterBench(configuration: configuration, target: target, eventLoop: eventLoop).measure(&results)
        }
        if configuration.parts.contains(.push), let target = configuration.push {
            try await PushBench(configuration: configuration, target: target).measure(&results)
        }
        let machine = MachineFacts(at: startedAt, folder: configuration.parentFolder)
        return BenchReport(configuration: configuration, machine: machine, results: results)
    }

    private func measureEmbedded(_ results: inout BenchResults, on eventLoop: any EventLoop) async throws {
        if configuration.parts.contains(.creates) {
            try await measureTables(&results, on: eventLoop)
            for turn in 1...configuration.measuredRepeats {
                try await measureGroups(&results, turn: turn, on: eventLoop)
            }
        }
        if configuration.parts.contains(.sockets) {
            let sockets = try SocketBench(configuration: configuration, eventLoop: eventLoop)
            for turn in 1...configuration.measuredRepeats { try await sockets.measure(turn: turn, &results) }
        }
    }

    // MARK: The main tables

    private func measureTables(_ results: inout BenchResults, on eventLoop: any EventLoop) async throws {
        let plan = SeedPlan(sizes: configuration.sizes)
        let users = plan.senders + [plan.lister]
        try await withArena(users: users, on: eventLoop, seed: { try await $0.seed(plan) }) { arena in
            _ = try await arena.server.settle(limitSeconds: configuration.settleSeconds)
            results.memory.ready = arena.server.usage.residentBytes
            for turn in 1...configuration.measuredRepeats {
                for senders in configuration.sizes.concurrencies {
                    try await measureCreates(plan, senders: senders, turn: turn, arena, &results)
                }
                try await measureReads(plan, turn: turn, arena, &results)
            }
            results.memory.end = arena.server.usage.residentBytes
            results.memory.peak = arena.server.usage.peakResidentBytes
        }
    }

    /// One row over many conversations and one over a hot one, on either side of their references; which of the two comes
    /// first changes from turn to turn.
    private func measureCreates(
        _ plan: SeedPlan, senders: Int, turn: Int, _ arena: Arena, _ results: inout BenchResults
    ) async throws {
        let requests = arena.requests
        let disk = try await arena.measureDisk()
        let rows = [
            (RowKind.createsOverMany(senders), requests.createsOverMany(plan, senders: senders)),
            (RowKind.createsOverOne(senders), requests.createsOverOne(plan.hot, users: plan.senders, senders: senders)),
        ]
        let order = turn.isMultiple(of: 2) ? Array(rows.reversed()) : rows
        let first = try await arena.measure(order[0].0, order[0].1, turn: turn)
        let empty = try await arena.measure(
            .emptyRoute(senders), requests.emptyRoute(plan.senders, connections: senders), turn: turn)
        let second = try await arena.measure(order[1].0, order[1].1, turn: turn)
        results.add(.disk, Observation(sample: disk))
        results.add(.emptyRoute(senders), empty)
        results.add(order[0].0, first.comparedTo(emptyRoute: empty.sample, disk: disk))
        results.add(order[1].0, second.comparedTo(emptyRoute: empty.sample, disk: disk))
    }

    private func measureReads(_ plan: SeedPlan, turn: Int, _ arena: Arena, _ results: inout BenchResults) async throws {
        for (kind, sources) in arena.requests.reads(of: plan) {
            results.add(kind, try await arena.measure(kind, sources, turn: turn))
        }
    }

    // MARK: The size of a group

    /// Each turn has data and a server of its own, so that push jobs left over from the large group disturb nothing.
    private func measureGroups(_ results: inout BenchResults, turn: Int, on eventLoop: any EventLoop) async throws {
        let sizes = configuration.sizes
        let senders = sizes.aimConcurrency
        let plan = GroupPlan(sizes: sizes)
        try await withArena(users: plan.senders, on: eventLoop, seed: { try await $0.seed(plan) }) { arena in
            let disk = try await arena.measureDisk()
            let requests = arena.requests
            let small = requests.createsOverOne(plan.small, users: plan.senders, senders: senders)
            let large = requests.createsOverOne(plan.large, users: plan.senders, senders: senders)
            let smallRow = RowKind.createsInGroup(sizes.smallGroup, senders)
            let largeRow = RowKind.createsInGroup(sizes.largeGroup, senders)
            let inSmall = try await arena.measure(smallRow, small, turn: turn)
            let empty = try await arena.measure(
                .emptyRoute(senders), requests.emptyRoute(plan.senders, connections: senders), turn: turn)
            let inLarge = try await arena.measure(largeRow, large, turn: turn)
            results.add(smallRow, inSmall.comparedTo(emptyRoute: empty.sample, disk: disk))
            results.add(largeRow, inLarge.comparedTo(emptyRoute: empty.sample, disk: disk))
        }
    }

    // MARK: A seeded server

    private func withArena(
        users: [UserID], on eventLoop: any EventLoop, seed: (inout Seeder) async throws -> Void,
        _ body: (Arena) async throws -> Void
    ) async throws {
        try await SeededServer.with(configuration, on: eventLoop, seed: seed) { seeded in
            let requests = try await RequestSources(users: users) { try await configuration.token($0, seeded.secret) }
            let generator = LoadGenerator(eventLoop: eventLoop, port: seeded.server.port)
            try await body(
                Arena(
                    configuration: configuration, folder: seeded.folder, server: seeded.server, generator: generator, requests: requests))
        }
    }
}
