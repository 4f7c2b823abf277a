import NIOCore
import ParleyModel

/// Many sockets, each in one of many small conversations.
extension SocketBench {
    func measureConversations(turn: Int, _ results: inout BenchResults) async throws {
        let plan = ConversationsPlan(conversations: sizes.conversations, participants: sizes.participants)
        try await SeededServer.with(
            configuration, environment: Self.environment, on: eventLoop, seed: { try await $0.seed(plan) }
        ) { seeded in
            let roles = try await plan.roles { try await configuration.token($0, seeded.secret) }
            try await SocketDriver.with(roles, port: seeded.server.port, eventLoop: eventLoop) { driver in
                try await measureIdle(seeded.server, driver, turn: turn, &results)
                let position = try await measureLatency(plan, seeded.server, driver, turn: turn, &results)
                try await measureRestart(plan.standing(at: position), seeded.server, driver, turn: turn, &results)
            }
        }
    }

    /// Connecting, and what the sockets cost while nothing happens.
    private func measureIdle(_ server: BenchServer, _ driver: SocketDriver, turn: Int, _ results: inout BenchResults) async throws {
        let (sockets, connecting) = (sizes.sockets, sizes.connecting)
        try await connect(0..<sizes.warmUpSockets, driver)
        _ = try await server.settle(limitSeconds: configuration.settleSeconds)
        let before = SocketMemory(server: server.usage)
        let places = sizes.warmUpSockets..<sockets
        let kind = RowKind.connecting(sockets)
        progress("\(kind.title), \(sockets) sockets", turn: turn)
        let observation = try await observe({ server.usage.processorSeconds }) {
            try await driver.run(limitSeconds: Self.connectSeconds) { ConnectRun(places, concurrency: connecting, $0) }
        }
        results.add(kind, observation)
        _ = try await server.settle(limitSeconds: configuration.settleSeconds)
        results.socketMemory.append(SocketMemory(server: server.usage).perSocket(since: before, sockets: places.count))
    }

    /// Returns the number of each conversation's last message.
    private func measureLatency(
        _ plan: ConversationsPlan, _ server: BenchServer, _ driver: SocketDriver, turn: Int, _ results: inout BenchResults
    ) async throws -> Int64 {
        let kind = RowKind.openLoop(plan.conversations.count, plan.participants)
        progress(kind.title, turn: turn)
        let warmUpRounds = 1
        let rounds = max(1, Int(configuration.measuredSeconds.rounded()))
        let standing = plan.standing(at: Int64(ConversationsPlan.messages))
        let numbers = numbers.next()
        let observation = try await observe({ server.usage.processorSeconds }) {
            try await driver.run(limitSeconds: Double(warmUpRounds + rounds) + Self.patienceSeconds) { crowd in
                OpenLoopRun(standing, warmUpRounds: warmUpRounds, rounds: rounds, numbers: numbers, crowd)
            }
        }
        results.add(kind, observation)
        return standing.position + Int64(warmUpRounds + rounds)
    }

    private func measureRestart(
        _ standing: OpenLoopRun.Conversations, _ server: BenchServer, _ driver: SocketDriver, turn: Int, _ results: inout BenchResults
    ) async throws {
        progress("restart, \(sizes.sockets) sockets", turn: turn)
        let numbers = numbers.next()
        let killedAt = NIODeadline.now()
        let comingBack = try await driver.start(limitSeconds: Self.returnSeconds) { crowd in
            ReturnRun(standing, backoff: Self.backoff, numbers: numbers, crowd)
        }
        do {
            try await server.restart()
        } catch {
            _ = try? await driver.on { $0.failed(.interrupted) }
            throw error
        }
        results.serverReadySeconds.append(Double((NIODeadline.now() - killedAt).nanoseconds) / 1e9)
        let back = try await driver.outcome(of: comingBack)
        results.turnedAway.append(back.turnedAway)
        results.restartSeconds.append(Double((back.lastAt - killedAt).nanoseconds) / 1e9)
    }
}
