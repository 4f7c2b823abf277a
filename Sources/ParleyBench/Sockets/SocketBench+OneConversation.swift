import NIOCore
import ParleyModel

/// Messages of one conversation to many sockets.
extension SocketBench {
    func measureFanOut(to sockets: Int, slow: Int, turn: Int, _ results: inout BenchResults) async throws {
        let plan = CrowdPlan(listeners: sockets, slow: slow, senders: sizes.senders)
        let ofServer = try await SeededServer.with(
            configuration, environment: Self.environment, on: eventLoop, seed: { try await $0.seed(plan) }
        ) { seeded in
            let roles = try await plan.roles { try await configuration.token($0, seeded.secret) }
            return try await SocketDriver.with(
                roles, smallBuffers: Set(plan.slowPlaces), port: seeded.server.port, eventLoop: eventLoop
            ) { driver in
                try await measure(plan, seeded.server, driver, turn: turn, &results)
            }
        }
        let ofWriter = try await measureWriter(to: sockets, ofServer.frame, turn: turn)
        for (burst, observation) in [(1, ofServer.one), (sizes.burst, ofServer.bursts)] {
            results.add(.fanOut(sockets, burst), observation)
        }
        for (burst, observation) in [(1, ofWriter.one), (sizes.burst, ofWriter.bursts)] {
            results.add(.bareWriter(sockets, burst), observation)
        }
    }

    /// The rows of one conversation, and what one of its messages looks like.
    private struct FanOut {
        let one: Observation
        let bursts: Observation
        let frame: MessageFrame
    }

    /// Connected sockets of one conversation.
    private struct Stage {
        let plan: CrowdPlan
        let server: BenchServer
        let driver: SocketDriver
        let turn: Int
    }

    private func measure(
        _ plan: CrowdPlan, _ server: BenchServer, _ driver: SocketDriver, turn: Int, _ results: inout BenchResults
    ) async throws -> FanOut {
        let sockets = plan.listeners.count
        let stage = Stage(plan: plan, server: server, driver: driver, turn: turn)
        progress("connecting \(plan.users.count) sockets", turn: turn)
        try await connect(0..<plan.users.count, driver)
        let one = try await row(.fanOut(sockets, 1), burst: 1, block: Block.one, stage)
        let bursts = try await row(.fanOut(sockets, sizes.burst), burst: sizes.burst, block: Block.bursts, stage)
        if !plan.slow.isEmpty { try await measureSlowReaders(stage, &results) }
        guard let payload = try await driver.on({ $0.receivers[0].lastMessage }), let frame = MessageFrame(payload) else {
            throw BenchError.malformedAnswer("no message event was received")
        }
        return FanOut(one: one, bursts: bursts, frame: frame)
    }

    private func row(_ kind: RowKind, burst: Int, block: Int64, _ stage: Stage) async throws -> Observation {
        _ = try await stage.server.settle(limitSeconds: configuration.settleSeconds)
        progress("\(kind.title), \(kind.connections) sockets", turn: stage.turn)
        return try await observe({ stage.server.usage.processorSeconds }) {
            try await send(length, burst: burst, content: String(Seeder.content), block: block, stage)
        }
    }

    private func send(
        _ length: FanOutRun.Length, burst: Int, content: String, block: Int64, _ stage: Stage
    ) async throws -> LoadSample {
        let plan = stage.plan
        let command = SendCommand(in: plan.conversation, content: content)
        return try await stage.driver.run(limitSeconds: limitSeconds) { crowd in
            let senders = plan.senderPlaces.map { crowd.receivers[$0] }
            let source = CommandSource(senders, command, numbers: CountingNumbers(block: block))
            return FanOutRun(length, burst: burst, to: plan.listenerPlaces, from: source, on: crowd.eventLoop)
        }
    }

    // MARK: Slow readers

    /// The same sockets beside others that read, and beside others that do not. Those have so much waiting that they are
    /// behind; afterwards they read again and must get everything that they missed.
    private func measureSlowReaders(_ stage: Stage, _ results: inout BenchResults) async throws {
        let (plan, driver) = (stage.plan, stage.driver)
        let sockets = plan.listeners.count
        let without = RowKind.withoutSlowReaders(sockets, plan.slow.count)
        results.add(without, try await row(without, burst: 1, block: Block.withoutSlow, stage))

        progress("\(plan.slow.count) sockets stop reading", turn: stage.turn)
        try await driver.on { crowd in
            for place in plan.slowPlaces { crowd.receivers[place].setReading(false) }
        }
        _ = try await send(.rounds(sizes.fillRounds), burst: Self.fillBurst, content: Self.longContent, block: Block.fill, stage)
        let beside = RowKind.besideSlowReaders(sockets, plan.slow.count)
        results.add(beside, try await row(beside, burst: 1, block: Block.besideSlow, stage))

        _ = try await driver.run(limitSeconds: Self.patienceSeconds) { crowd in
            CatchUpRun(plan.slowPlaces, as: plan.listenerPlaces.lowerBound, crowd)
        }
        let behind = try await driver.on { crowd in plan.slowPlaces.filter { crowd.receivers[$0].behindCount > 0 }.count }
        results.slowReadersBehind.append(behind)
    }

    private static let fillBurst = 4
    private static let longContent = String(repeating: "a long message of the benchmark ", count: 280)
}
