import Foundation
import NIOCore
import ParleyModel

/// The rows of `parley bench --cluster`: what each engine can do by itself, and the embedded mode's rows through the plain
/// service, through one node and through two nodes, on the same engines in the same run.
///
/// The rows of one concurrency follow each other, in an order that changes from turn to turn, so that what else happens on the
/// machine meets all of them.
struct ClusterBench {
    let configuration: BenchConfiguration
    let target: ClusterTarget
    let eventLoop: any EventLoop

    private var sizes: BenchSizes { configuration.sizes }

    func measure(_ results: inout BenchResults) async throws {
        let engines = try await target.open()
        do {
            try await measure(engines, &results)
        } catch {
            await engines.close()
            throw error
        }
        await engines.close()
    }

    private func measure(_ engines: ClusterTarget.Engines, _ results: inout BenchResults) async throws {
        let plan = SeedPlan(sizes: sizes)
        // The plain service numbers messages in its own way: conversations of its own, as many and as large.
        let plain = SeedPlan(sizes: sizes)
        let groups = GroupPlan(sizes: sizes)
        try await SeededServer.fill("", configuration) { seeder in
            try await seeder.seed(plan)
            try await seeder.seedPlaces(plain)
            try await seeder.seed(groups)
        }
        let limits = engines.limits(plain.spread)
        try await ClusterServers.with(configuration, target, on: eventLoop) { servers in
            let users = plan.senders + [plan.lister] + plain.senders + groups.senders
            let requests = try await RequestSources(users: users) { try await configuration.token($0, servers.secret) }
            let arena = ClusterArena(
                configuration: configuration, servers: servers, requests: requests, eventLoop: eventLoop, plan: plan, plain: plain)
            _ = try await servers.settle(limitSeconds: configuration.settleSeconds)
            for turn in 1...configuration.measuredRepeats {
                try await measureLimits(limits, turn: turn, &results)
                for senders in sizes.concurrencies { try await measureCreates(senders: senders, turn: turn, arena, &results) }
                try await measureReads(turn: turn, arena, &results)
            }
            // What a message to a hundred thousand leaves behind is worked at for minutes: nothing else may come after it.
            try await measureGroup(sizes.smallGroup, groups.small, groups, arena, &results)
            try await measureGroup(sizes.largeGroup, groups.large, groups, arena, &results)
        }
    }

    private func measureLimits(_ limits: [EngineLimit], turn: Int, _ results: inout BenchResults) async throws {
        for limit in limits {
            configuration.progress("\(limit.name), \(limit.callers) callers, \(turn) of \(configuration.measuredRepeats)")
            let before = MachineUsage.processorSeconds
            let sample = try await limit.measure(
                warmUpSeconds: configuration.warmUpSeconds / 2, seconds: min(1.5, configuration.measuredSeconds))
            results.add(
                .engine(limit.name, limit.callers),
                Observation(sample: sample, machineSeconds: MachineUsage.processorSeconds - before))
        }
    }

    private func measureCreates(senders: Int, turn: Int, _ arena: ClusterArena, _ results: inout BenchResults) async throws {
        var rows: [(place: ClusterPlace, kind: RowKind)] = ClusterPlace.allCases.flatMap { place in
            [(place, RowKind.createsOverMany(senders)), (place, RowKind.createsOverOne(senders))]
        }
        if turn.isMultiple(of: 2) { rows.reverse() }
        for row in rows {
            let plan = row.place == .plainService ? arena.plain : arena.plan
            let sources =
                row.kind == .createsOverMany(senders)
                ? arena.requests.createsOverMany(plan, senders: senders)
                : arena.requests.createsOverOne(plan.hot, users: plan.senders, senders: senders)
            results.add(.on(row.place, row.kind), try await arena.measure(row.kind, sources, on: row.place, turn: turn))
        }
        let empty = arena.requests.emptyRoute(arena.plan.senders, connections: senders)
        for place in [ClusterPlace.oneNode, .twoNodes] {
            let kind = RowKind.emptyRoute(senders)
            results.add(.on(place, kind), try await arena.measure(kind, empty, on: place, turn: turn))
        }
    }

    private func measureReads(turn: Int, _ arena: ClusterArena, _ results: inout BenchResults) async throws {
        for (kind, sources) in arena.requests.reads(of: arena.plan) {
            for place in [ClusterPlace.oneNode, .twoNodes] {
                results.add(.on(place, kind), try await arena.measure(kind, sources, on: place, turn: turn))
            }
        }
    }

    private func measureGroup(
        _ size: Int, _ conversation: ConversationID, _ groups: GroupPlan, _ arena: ClusterArena, _ results: inout BenchResults
    ) async throws {
        let kind = RowKind.createsInGroup(size, sizes.aimConcurrency)
        for turn in 1...configuration.measuredRepeats {
            for place in [ClusterPlace.oneNode, .twoNodes] {
                let sources = arena.requests.createsOverOne(conversation, users: groups.senders, senders: sizes.aimConcurrency)
                results.add(.on(place, kind), try await arena.measure(kind, sources, on: place, turn: turn))
            }
        }
    }
}

/// The running servers, and what is needed to measure a row on some of them.
struct ClusterArena: Sendable {
    let configuration: BenchConfiguration
    let servers: ClusterServers
    let requests: RequestSources
    let eventLoop: any EventLoop
    let plan: SeedPlan
    let plain: SeedPlan

    /// Measures a row once and waits until all is quiet again, so that what the row left to do is counted with it and does not
    /// fall to the next one.
    func measure(_ kind: RowKind, _ sources: [RequestSource], on place: ClusterPlace, turn: Int) async throws -> Observation {
        let row = RowKind.on(place, kind)
        configuration.progress("\(row.title), \(row.connections) connections, \(turn) of \(configuration.measuredRepeats)")
        let generator = LoadGenerator(eventLoop: eventLoop, ports: servers.servers(of: place).map(\.port))
        let (before, machineBefore) = (servers.processorSeconds, MachineUsage.processorSeconds)
        let enginesBefore = EngineUsage.now
        let ownBefore = ProcessUsage(of: getpid()).processorSeconds
        let sample = try await generator.run(
            sources, warmUpSeconds: configuration.warmUpSeconds, seconds: configuration.measuredSeconds)
        let generatorSeconds = ProcessUsage(of: getpid()).processorSeconds - ownBefore
        let becameQuiet = try await servers.settle(limitSeconds: configuration.settleSeconds)
        return Observation(
            sample: sample, serverSeconds: servers.processorSeconds - before, generatorSeconds: generatorSeconds,
            machineSeconds: MachineUsage.processorSeconds - machineBefore, engines: EngineUsage.now.since(enginesBefore),
            becameQuiet: becameQuiet)
    }
}
