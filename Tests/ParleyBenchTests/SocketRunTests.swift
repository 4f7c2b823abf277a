import NIOCore
import NIOPosix
import ParleyModel
import Testing

@testable import ParleyBench

/// The rows of sockets against a stand-in server in this process.
struct SocketRunTests {
    private static let plan = CrowdPlan(listeners: 12, slow: 2, senders: 3)
    private static let conversations = ConversationsPlan(conversations: 4, participants: 3)

    @Test func `sockets connect, authenticate and catch up with what they missed`() async throws {
        try await withCrowd(lastNumber: 5) { driver, _ in
            let positions = try await driver.on { $0.receivers.map(\.position) }
            #expect(positions == Array(repeating: 5, count: 14) + [0, 0, 0])
        }
    }

    @Test(arguments: [1, 2, 7])
    func `a burst is sent over the senders and counted at the listeners`(burst: Int) async throws {
        try await withCrowd { driver, _ in
            let plan = Self.plan
            let command = SendCommand(in: plan.conversation, content: "hello")
            let sample = try await driver.run(limitSeconds: 20) { crowd in
                let source = CommandSource(
                    plan.senderPlaces.map { crowd.receivers[$0] }, command, numbers: CountingNumbers(block: 1))
                return FanOutRun(.rounds(5), burst: burst, to: plan.listenerPlaces, from: source, on: crowd.eventLoop)
            }
            #expect(sample.answers == Int64(12 * 5 * burst))
            let (position, message) = try await driver.on { ($0.receivers[0].position, $0.receivers[0].lastMessage) }
            #expect(position == Int64(5 * burst))
            #expect(message.flatMap { MessageFrame($0) } != nil)
        }
    }

    @Test func `a wrong number fails the bench`() async throws {
        try await withCrowd(lastNumber: 5) { driver, server in
            try await server.eventLoop.submit { server.value.wrongNumber = 9 }.get()
            let plan = Self.plan
            let command = SendCommand(in: plan.conversation, content: "hello")
            do {
                _ = try await driver.run(limitSeconds: 20) { crowd in
                    let source = CommandSource([crowd.receivers[plan.senderPlaces.lowerBound]], command, numbers: CountingNumbers(block: 1))
                    return FanOutRun(.rounds(1), burst: 1, to: plan.listenerPlaces, from: source, on: crowd.eventLoop)
                }
                Issue.record("nothing was thrown")
            } catch BenchError.wrongMessage(_, let expected, let received) {
                #expect(expected == 6 && received == 9)
            }
        }
    }

    @Test func `sockets that did not read catch up when they do`() async throws {
        try await withCrowd { driver, _ in
            let plan = Self.plan
            try await driver.on { crowd in
                for place in plan.slowPlaces { crowd.receivers[place].setReading(false) }
            }
            let command = SendCommand(in: plan.conversation, content: "hello")
            _ = try await driver.run(limitSeconds: 20) { crowd in
                let source = CommandSource([crowd.receivers[plan.senderPlaces.lowerBound]], command, numbers: CountingNumbers(block: 1))
                return FanOutRun(.rounds(20), burst: 2, to: plan.listenerPlaces, from: source, on: crowd.eventLoop)
            }
            _ = try await driver.run(limitSeconds: 20) { CatchUpRun(plan.slowPlaces, as: 0, $0) }
            let positions = try await driver.on { crowd in plan.slowPlaces.map { crowd.receivers[$0].position } }
            #expect(positions == [40, 40])
        }
    }

    @Test func `an open loop sends every message and counts the receipts of others after the warm-up`() async throws {
        try await withConversations { driver, _ in
            let plan = Self.conversations
            let sample = try await driver.run(limitSeconds: 20) { crowd in
                OpenLoopRun(plan.standing(at: 5), warmUpRounds: 1, rounds: 1, numbers: CountingNumbers(block: 1), crowd)
            }
            #expect(sample.answers == 4 * 2)
            #expect(sample.rate == 8)
            let positions = try await driver.on { $0.receivers.map(\.position) }
            #expect(positions == Array(repeating: 7, count: 12))
        }
    }

    @Test func `sockets come back after the connections were lost, with a message that was sent meanwhile`() async throws {
        try await withConversations { driver, server in
            let plan = Self.conversations
            let backoff = Backoff(firstMilliseconds: 20, maxMilliseconds: 50)
            let comingBack = try await driver.start(limitSeconds: 20) { crowd in
                ReturnRun(plan.standing(at: 5), backoff: backoff, numbers: CountingNumbers(block: 1), crowd)
            }
            try await server.eventLoop.submit { server.value.drop() }.get()
            _ = try await driver.outcome(of: comingBack)
            let positions = try await driver.on { $0.receivers.map(\.position) }
            #expect(positions == Array(repeating: 6, count: 12))
        }
    }

    @Test(arguments: [4002, 4500] as [UInt16])
    func `sockets that are told to come back later do, and others end the run`(code: UInt16) async throws {
        try await withConversations { driver, server in
            let plan = Self.conversations
            let backoff = Backoff(firstMilliseconds: 20, maxMilliseconds: 50)
            let comingBack = try await driver.start(limitSeconds: 20) { crowd in
                ReturnRun(plan.standing(at: 5), backoff: backoff, numbers: CountingNumbers(block: 1), crowd)
            }
            try await server.eventLoop.submit { server.value.turnAway(code: code) }.get()
            do {
                let turnedAway = try await driver.outcome(of: comingBack).turnedAway
                #expect(code == 4002 && turnedAway == [4002: 12])
            } catch BenchError.socketClosed {
                #expect(code == 4500)
            }
        }
    }

    @Test func `a connection that is lost otherwise fails the run`() async throws {
        try await withCrowd { driver, server in
            let run = try await driver.start(limitSeconds: 20) { crowd in
                FanOutRun(.rounds(1), burst: 1, to: 0..<1, from: SilentSource(), on: crowd.eventLoop)
            }
            try await server.eventLoop.submit { server.value.drop() }.get()
            do {
                _ = try await driver.outcome(of: run)
                Issue.record("nothing was thrown")
            } catch BenchError.connectionClosed {}
        }
    }

    // MARK: Crowds

    private func withCrowd(
        lastNumber: Int64 = 0, _ body: (SocketDriver, NIOLoopBound<SocketStandIn>) async throws -> Void
    ) async throws {
        try await SocketStandIn.with(lastNumbers: [Self.plan.conversation: lastNumber]) { server, port in
            let roles = try await Self.plan.roles { _ in "token" }
            try await connected(roles, smallBuffers: Set(Self.plan.slowPlaces), port) { try await body($0, server) }
        }
    }

    private func withConversations(_ body: (SocketDriver, NIOLoopBound<SocketStandIn>) async throws -> Void) async throws {
        let numbers = Dictionary(uniqueKeysWithValues: Self.conversations.conversations.map { ($0, Int64(5)) })
        try await SocketStandIn.with(lastNumbers: numbers) { server, port in
            let roles = try await Self.conversations.roles { _ in "token" }
            try await connected(roles, port) { try await body($0, server) }
        }
    }

    private func connected(
        _ roles: [SocketReceiver.Role], smallBuffers: Set<Int> = [], _ port: Int, _ body: (SocketDriver) async throws -> Void
    ) async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        try await SocketDriver.with(roles, smallBuffers: smallBuffers, port: port, eventLoop: eventLoop) { driver in
            let sample = try await driver.run(limitSeconds: 20) { ConnectRun(0..<roles.count, concurrency: 4, $0) }
            #expect(sample.answers == Int64(roles.count))
            try await body(driver)
        }
    }
}
