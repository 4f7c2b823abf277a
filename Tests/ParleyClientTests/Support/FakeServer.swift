import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import ParleyModel

/// A server on a port of its own that says what a test tells it to, over WebSockets and over REST.
final class FakeServer: Sendable {
    struct Request: Sendable, Equatable {
        var method: String
        var uri: String
        var token: String?
        var body: String
    }

    typealias Answer = @Sendable (Request) -> (status: Int, body: String)

    let port: Int
    /// Connections, in the order of their coming.
    let sockets: AsyncStream<FakeSocket>
    private let channel: any Channel

    var url: String { "http://127.0.0.1:\(port)" }

    /// `subprotocol` is what the server agrees to.
    static func start(
        on port: Int = 0, subprotocol: String? = "parley.v1", tls: NIOSSLContext? = nil, answer: @escaping Answer = { _ in (404, "{}") }
    ) async throws -> FakeServer {
        let (sockets, continuation) = AsyncStream<FakeSocket>.makeStream()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try prepare(channel, subprotocol, continuation, answer)
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        return FakeServer(channel: channel, sockets: sockets)
    }

    private init(channel: any Channel, sockets: AsyncStream<FakeSocket>) {
        self.channel = channel
        self.sockets = sockets
        port = channel.localAddress?.port ?? 0
    }

    func stop() async throws { try await channel.close() }

    private static func prepare(
        _ channel: any Channel, _ subprotocol: String?, _ sockets: AsyncStream<FakeSocket>.Continuation, _ answer: @escaping Answer
    ) throws {
        let upgrader = NIOTypedWebSocketServerUpgrader<Void>(
            shouldUpgrade: { channel, _ in
                let headers: HTTPHeaders = subprotocol.map { ["Sec-WebSocket-Protocol": $0] } ?? [:]
                return channel.eventLoop.makeSucceededFuture(headers)
            },
            upgradePipelineHandler: { channel, _ in
                channel.eventLoop.makeCompletedFuture {
                    let (texts, continuation) = AsyncStream<[UInt8]>.makeStream()
                    try channel.pipeline.syncOperations.addHandler(SocketReader(continuation))
                    sockets.yield(FakeSocket(channel: channel, texts: texts))
                }
            })
        let configuration = NIOTypedHTTPServerUpgradeConfiguration<Void>(
            upgraders: [upgrader],
            notUpgradingCompletionHandler: { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(RequestAnswerer(answer)) }
            })
        _ = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(
            configuration: .init(upgradeConfiguration: configuration))
    }
}

private final class SocketReader: ChannelInboundHandler {
    typealias InboundIn = WebSocketFrame
    private let continuation: AsyncStream<[UInt8]>.Continuation

    init(_ continuation: AsyncStream<[UInt8]>.Continuation) { self.continuation = continuation }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let frame = unwrapInboundIn(data)
        guard frame.maskKey != nil else { return context.close(promise: nil) }
        if frame.opcode == .text { continuation.yield(Array(frame.unmaskedData.readableBytesView)) }
    }

    func channelInactive(context: ChannelHandlerContext) { continuation.finish() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

private final class RequestAnswerer: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart
    private let answer: FakeServer.Answer
    private var request = FakeServer.Request(method: "", uri: "", body: "")

    init(_ answer: @escaping FakeServer.Answer) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            request = .init(
                method: head.method.rawValue, uri: head.uri, token: head.headers.first(name: "Authorization"), body: "")
        case .body(let part): request.body += String(buffer: part)
        case .end:
            let (status, body) = answer(request)
            let head = HTTPResponseHead(
                version: .http1_1, status: .init(statusCode: status), headers: ["Content-Length": "\(body.utf8.count)"])
            context.write(wrapOutboundOut(.head(head)), promise: nil)
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
            context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        }
    }
}
