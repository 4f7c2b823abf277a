import NIOCore
import NIOPosix
import ParleyModel
import Testing

@testable import ParleyBench

/// Against the bare writer, in this process.
struct SocketCrowdTests {
    private static func frame() throws -> MessageFrame {
        let message = Message(
            id: MessageID(high: 1, low: 2), conversationID: .random(), senderID: .random(), clientMessageID: nil, messageType: .text,
            content: "hello", mediaIDs: [], sequenceNumber: 1, createdAt: Timestamp(milliseconds: 0))
        return try #require(MessageFrame(ByteBuffer(bytes: Event.message(EnrichedMessage(message: message, media: [])).json)))
    }

    @Test(arguments: [1, 5])
    func `every burst reaches every socket`(burst: Int) async throws {
        try await withWriter(sockets: 20) { driver, control in
            let frame = try Self.frame()
            let sample = try await driver.run(limitSeconds: 20) { crowd in
                FanOutRun(.rounds(10), burst: burst, to: 0..<20, from: FrameSource(control, frame, after: 0), on: crowd.eventLoop)
            }
            #expect(sample.answers == Int64(20 * burst * 10))
            #expect(sample.p50 > 0 && sample.rate > 0)
            let positions = try await driver.on { $0.receivers.map(\.position) }
            #expect(positions == Array(repeating: Int64(10 * burst), count: 20))
        }
    }

    @Test func `a message that comes twice or too early fails the run`() async throws {
        for number in [0, 2] as [Int64] {
            try await withWriter(sockets: 1) { driver, control in
                let frame = try Self.frame()
                await #expect(throws: BenchError.wrongMessage(socket: 0, expected: 1, received: number)) {
                    try await driver.run(limitSeconds: 20) { crowd in
                        FanOutRun(
                            .rounds(1), burst: 1, to: 0..<1, from: FrameSource(control, frame, after: number - 1), on: crowd.eventLoop)
                    }
                }
            }
        }
    }

    @Test func `what does not arrive ends the run in bounded time, in words`() async throws {
        try await withWriter(sockets: 2) { driver, _ in
            let expected = BenchError.notInTime(missing: "6 of 6 messages of a burst were not received", seconds: 0.05)
            await #expect(throws: expected) {
                try await driver.run(limitSeconds: 0.05) { crowd in
                    FanOutRun(.rounds(1), burst: 3, to: 0..<2, from: SilentSource(), on: crowd.eventLoop)
                }
            }
        }
    }

    @Test func `a cancelled run ends at once`() async throws {
        try await withWriter(sockets: 1) { driver, _ in
            let run = Task {
                try await driver.run(limitSeconds: 60) { crowd in
                    FanOutRun(.rounds(1), burst: 1, to: 0..<1, from: SilentSource(), on: crowd.eventLoop)
                }
            }
            run.cancel()
            await #expect(throws: BenchError.interrupted) { try await run.value }
        }
    }

    @Test func `nobody to connect to fails the run`() async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let port = try await freePort(eventLoop)
        await #expect(throws: BenchError.self) {
            try await SocketDriver.with([.bare], port: port, eventLoop: eventLoop) { driver in
                try await driver.run(limitSeconds: 20) { ConnectRun(0..<1, concurrency: 1, $0) }
            }
        }
    }

    // MARK: The writer

    private func withWriter(sockets: Int, _ body: (SocketDriver, any Channel) async throws -> Void) async throws {
        let writer = try await LoopbackWriter.start(port: 0, controlPort: 0)
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        do {
            let control = try await ClientBootstrap(group: eventLoop).connect(host: "127.0.0.1", port: writer.controlPort).get()
            let roles = Array(repeating: SocketReceiver.Role.bare, count: sockets)
            try await SocketDriver.with(roles, port: writer.port, eventLoop: eventLoop) { driver in
                let sample = try await driver.run(limitSeconds: 20) { ConnectRun(0..<sockets, concurrency: 4, $0) }
                #expect(sample.answers == Int64(sockets))
                try await body(driver, control)
            }
            try await control.close()
        } catch {
            try await writer.close()
            throw error
        }
        try await writer.close()
    }
}

/// Sends nothing, so that its run does not end by itself.
final class SilentSource: MessageSource {
    func send(_ count: Int) {}
}
