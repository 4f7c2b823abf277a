import Foundation
import ParleyCore
import ParleyEngines
import ParleyModel
import ParleyRedis
import ParleyTesting
import Synchronization
import Testing

/// Bounds of the server and of the adapters.
@Suite(.engineTurns, .timeLimit(.minutes(15)), .serialized)
struct RedisOverflowTests {
    private let conversation = ConversationID.random()

    @Test func `a subscriber that the server has closed for being slow comes back`() async throws {
        try await withServer { server in
            _ = try await server.command("CONFIG", "SET", "client-output-buffer-limit", "pubsub 65536 0 0")
            try await withBuses(2, server) { buses async throws in
                let sink = SlowSink()
                let reconnects = Mutex(0)
                buses[1].attach(sink)
                buses[1].onReconnect { reconnects.withLock { $0 += 1 } }
                buses[1].subscribe([conversation])
                await buses[1].settled()
                let big = String(repeating: "x", count: 8000)
                let events = (0..<500).map { _ in
                    BusEvent.conversationChanged(conversation, ConversationStamp(version: 1, title: big, participantCount: 1))
                }
                // What lies in the sockets' buffers does not count for the server: it takes some megabytes.
                while reconnects.withLock({ $0 }) == 0 { await buses[0].publish(events) }
                sink.hurry()
                await buses[1].settled()
                let before = sink.count
                await buses[0].publish([.typing(conversation, .random(), isTyping: true)])
                try await eventually { sink.count > before }
            }
        }
    }

    @Test func `more commands than may wait are refused at once, and the others sent`() async throws {
        let server = try RedisServer()
        try await server.start()
        var configuration = server.configuration
        configuration.maxWaitingCommands = 100
        let bus = RedisEventBus(configuration, logger: quiet)
        await bus.publish([.conversationCreated(conversation, [])])
        try await server.halt()
        defer { server.goOn() }
        let done = Tally()
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<500 {
                group.addTask {
                    await bus.publish([.conversationCreated(.random(), [])])
                    done.add()
                }
            }
            // One flight is on its way and a hundred wait; the others are back.
            while done.count == 0 { await Task.yield() }
            server.goOn()
        }
        #expect(done.count == 500)
        await onOwnThread { bus.close() }
    }
}

/// Takes a moment for each batch until it is told to hurry.
private final class SlowSink: EventSink {
    private let state = Mutex((count: 0, isSlow: true))

    func receive(_ events: [BusEvent]) {
        let isSlow = state.withLock { state in
            state.count += events.count
            return state.isSlow
        }
        if isSlow { usleep(20_000) }
    }

    func hurry() { state.withLock { $0.isSlow = false } }
    var count: Int { state.withLock { $0.count } }
}

private final class Tally: Sendable {
    private let number = Mutex(0)
    func add() { number.withLock { $0 += 1 } }
    var count: Int { number.withLock { $0 } }
}
