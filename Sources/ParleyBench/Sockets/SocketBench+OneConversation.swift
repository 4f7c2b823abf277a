import NIOCore
import ParleyModel

/// Messages of one conversation to many sockets, beside the bare writer.
extension SocketBench {
    /// Connected sockets of one conversation.
    private struct Stage {
        let plan: CrowdPlan
        let server: BenchServer
        let driver: SocketDriver
        let turn: Int
    }

    func measureOneConversation(to sockets: Int, slow: Int, turn: Int, _ results: inout BenchResults) async throws {
        let plan = CrowdPlan(listeners: sockets, slow: slow, senders: sizes.senders)
        let canHoldBoth = OpenFilesLimit.current >= sizes.openFiles(plan.users.count + sockets)
        let frame = try await SeededServer.with(
            configuration, environment: Self.environment, on: eventLoop, seed: { try await $0.seed(plan) }
        ) { seeded in
            let roles = try await plan.roles { try await configuration.token($0, seeded.secret) }
            return try await SocketDriver.with(
                roles, smallBuffers: Set(plan.slowPlaces), port: seeded.server.port, eventLoop: eventLoop
            ) { driver in
                progress("connecting \(plan.users.count) sockets", turn: turn)
                try await connect(0..<plan.users.count, driver)
                let stage = Stage(plan: plan, server: seeded.server, driver: driver, turn: turn)
                let frame = try await sampleFrame(stage)
                if canHoldBoth {
                    try await measureAlternately(stage, frame, &results)
                } else {
                    for burst in sizes.bursts { results.add(.fanOut(sockets, burst), try await row(burst, stage)) }
                }
                if slow > 0 { try await measureSlowReaders(stage, &results) }
                return frame
            }
        }
        if !canHoldBoth {
            try await withWriter(to: sockets, frame, turn: turn) { writer in
                for burst in sizes.bursts { results.add(.bareWriter(sockets, burst), try await writer.row(burst)) }
            }
        }
    }

    /// Server, writer, writer, server: what else happens on the machine meets both alike.
    private func measureAlternately(_ stage: Stage, _ frame: MessageFrame, _ results: inout BenchResults) async throws {
        let sockets = stage.plan.listeners.count
        try await withWriter(to: sockets, frame, turn: stage.turn) { writer in
            for burst in sizes.bursts {
                results.add(.fanOut(sockets, burst), try await row(burst, stage))
                results.add(.bareWriter(sockets, burst), try await writer.row(burst))
                results.add(.bareWriter(sockets, burst), try await writer.row(burst))
                results.add(.fanOut(sockets, burst), try await row(burst, stage))
            }
        }
    }

    /// What a message looks like to the sockets.
    private func sampleFrame(_ stage: Stage) async throws -> MessageFrame {
        _ = try await send(.rounds(1), burst: 1, content: BenchText.message, stage)
        guard let payload = try await stage.driver.on({ $0.receivers[0].lastMessage }), let frame = MessageFrame(payload) else {
            throw BenchError.malformedAnswer("no message event was received")
        }
        return frame
    }

    private func row(_ burst: Int, _ stage: Stage) async throws -> Observation {
        try await row(.fanOut(stage.plan.listeners.count, burst), burst: burst, stage)
    }

    private func row(_ kind: RowKind, burst: Int, _ stage: Stage) async throws -> Observation {
        _ = try await stage.server.settle(limitSeconds: configuration.settleSeconds)
        progress("\(kind.title), \(kind.connections) sockets", turn: stage.turn)
        return try await observe({ stage.server.usage.processorSeconds }) {
            try await send(length, burst: burst, content: BenchText.message, stage)
        }
    }

    private func send(
        _ length: FanOutRun.Length, burst: Int, content: String, _ stage: Stage
    ) async throws -> LoadSample {
        let plan = stage.plan
        let command = SendCommand(in: plan.conversation, content: content)
        let numbers = numbers.next()
        return try await stage.driver.run(limitSeconds: limitSeconds) { crowd in
            let senders = plan.senderPlaces.map { crowd.receivers[$0] }
            let source = CommandSource(senders, command, numbers: numbers)
            return FanOutRun(length, burst: burst, to: plan.listenerPlaces, from: source, on: crowd.eventLoop)
        }
    }

    // MARK: Slow readers

    /// The same sockets beside others that read, and beside others that do not. Those have so much waiting that they are
    /// behind; afterwards they read again and must get everything that they missed.
    private func measureSlowReaders(_ stage: Stage, _ results: inout BenchResults) async throws {
        let (plan, driver) = (stage.plan, stage.driver)
        let sockets = plan.listeners.count
        let (without, beside) = (RowKind.withoutSlowReaders(sockets, plan.slow.count), RowKind.besideSlowReaders(sockets, plan.slow.count))
        results.add(without, try await row(without, burst: 1, stage))

        progress("\(plan.slow.count) sockets stop reading", turn: stage.turn)
        try await driver.on { crowd in
            for place in plan.slowPlaces { crowd.receivers[place].setReading(false) }
        }
        _ = try await send(.rounds(sizes.fillRounds), burst: Self.fillBurst, content: Self.longContent, stage)
        for _ in 0..<2 { results.add(beside, try await row(beside, burst: 1, stage)) }

        _ = try await driver.run(limitSeconds: Self.patienceSeconds) { crowd in
            CatchUpRun(plan.slowPlaces, as: plan.listenerPlaces.lowerBound, crowd)
        }
        let behind = try await driver.on { crowd in plan.slowPlaces.filter { crowd.receivers[$0].behindCount > 0 }.count }
        results.slowReadersBehind.append(behind)
        results.add(without, try await row(without, burst: 1, stage))
    }

    private static let fillBurst = 4
    private static let longContent = String(repeating: "a long message of the benchmark ", count: 280)
}
