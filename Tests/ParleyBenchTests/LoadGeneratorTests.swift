import NIOCore
import NIOPosix
import Testing

@testable import ParleyBench

/// Against a stand-in server in this process.
struct LoadGeneratorTests {
    private static let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

    @Test func `every connection sends its next request when the last was answered`() async throws {
        try await withServer(.answer(Self.ok)) { generator in
            let sources = Array(repeating: source(expecting: 200), count: 8)
            let sample = try await generator.run(sources, warmUpSeconds: 0.05, seconds: 3)
            #expect(sample.rate > 0)
            #expect(sample.p50 > 0 && sample.p50 <= sample.p99 && sample.p99 <= sample.p999)
            #expect(Double(sample.answers) >= sample.rate * 3)
        }
    }

    @Test func `a row that is shorter than an answer takes goes on until there is one`() async throws {
        try await withServer(.answerLate(Self.ok, .milliseconds(300))) { generator in
            let sample = try await generator.run([source(expecting: 200)], warmUpSeconds: 0.01, seconds: 0.01)
            #expect(sample.rate > 0 && sample.p50 >= 0.3)
        }
    }

    @Test func `one request is one request`() async throws {
        try await withServer(.answer(Self.ok)) { try await $0.once(source(expecting: 200)) }
    }

    @Test func `another status fails the row with the answer's text`() async throws {
        try await withServer(.answer("HTTP/1.1 503 No\r\nContent-Length: 8\r\n\r\ntoo much")) { generator in
            let expected = BenchError.unexpectedAnswer(request: "GET /", expected: 200, status: 503, text: "too much")
            await #expect(throws: expected) {
                try await generator.run([source(expecting: 200)], warmUpSeconds: 0.01, seconds: 0.01)
            }
        }
    }

    @Test func `an answer that is too short fails the row`() async throws {
        try await withServer(.answer(Self.ok)) { generator in
            await #expect(throws: BenchError.shortAnswer(request: "GET /", expectedBytes: 3, bytes: 2)) {
                try await generator.once(RequestSource([.get("/", token: nil)], expectedStatus: 200, expectedBytes: 3))
            }
        }
    }

    @Test func `a connection that the server closes fails the row`() async throws {
        try await withServer(.close) { generator in
            await #expect(throws: BenchError.connectionClosed(request: "GET /")) {
                try await generator.once(source(expecting: 200))
            }
        }
    }

    @Test func `connections are dealt out among the ports`() async throws {
        try await withServer(.answer(Self.ok)) { good in
            try await withServer(.answer("HTTP/1.1 503 No\r\nContent-Length: 4\r\n\r\nbusy")) { busy in
                let both = LoadGenerator(eventLoop: good.eventLoop, ports: good.ports + busy.ports)
                _ = try await both.run([source(expecting: 200)], warmUpSeconds: 0.01, seconds: 0.05)
                await #expect(throws: BenchError.unexpectedAnswer(request: "GET /", expected: 200, status: 503, text: "busy")) {
                    try await both.run([source(expecting: 200), source(expecting: 200)], warmUpSeconds: 0.01, seconds: 0.05)
                }
            }
        }
    }

    @Test func `a server that does not answer fails the row in bounded time`() async throws {
        try await withServer(.silence) { generator in
            var impatient = generator
            impatient.drainTimeout = .milliseconds(20)
            await #expect(throws: BenchError.noAnswer(seconds: 0.02)) { try await impatient.once(source(expecting: 200)) }
        }
    }

    // MARK: The stand-in

    private func source(expecting status: Int) -> RequestSource {
        RequestSource([.get("/", token: nil)], expectedStatus: status)
    }

    private func withServer(_ behaviour: StandIn.Behaviour, _ body: (LoadGenerator) async throws -> Void) async throws {
        // A thread of its own: others' work on a shared loop would stand between the load and its answers for seconds.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            try await withServer(behaviour, on: group.next(), body)
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
        try await group.shutdownGracefully()
    }

    private func withServer(
        _ behaviour: StandIn.Behaviour, on eventLoop: any EventLoop, _ body: (LoadGenerator) async throws -> Void
    ) async throws {
        let server = try await ServerBootstrap(group: eventLoop)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(StandIn(behaviour)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(LoadGenerator(eventLoop: eventLoop, port: server.localAddress?.port ?? 0))
        } catch {
            try await server.close()
            throw error
        }
        try await server.close()
    }
}

/// Takes whatever arrives together for one request: the load generator never sends two without an answer between them.
private final class StandIn: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Behaviour: Sendable {
        case answer(String)
        case answerLate(String, TimeAmount)
        case close
        case silence
    }

    private let behaviour: Behaviour

    init(_ behaviour: Behaviour) {
        self.behaviour = behaviour
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch behaviour {
        case .answer(let text): context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
        case .answerLate(let text, let delay):
            let channel = context.channel
            context.eventLoop.scheduleTask(in: delay) { channel.writeAndFlush(ByteBuffer(string: text), promise: nil) }
        case .close: context.close(promise: nil)
        case .silence: break
        }
    }
}
