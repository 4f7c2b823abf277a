import NIOCore
import NIOPosix

/// What fanning out costs the machine when nothing else is done: a server that writes whatever comes in on one
/// connection to all connections of another port, on as many event loops as there are cores, like the measured server.
/// It knows no messages, numbers, conversations or users.
///
/// What arrives together leaves in one write to each socket.
public struct LoopbackWriter: Sendable {
    public let port: Int
    public let controlPort: Int
    private let channels: [any Channel]

    /// Listens on 127.0.0.1 until ``close()``.
    public static func start(port: Int, controlPort: Int) async throws -> LoopbackWriter {
        let group = MultiThreadedEventLoopGroup.singleton
        let parts = group.makeIterator().map { WriterPart(loop: $0) }
        let listening = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 1024)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    guard let part = parts.first(where: { $0.loop === channel.eventLoop }) else { return }
                    try channel.pipeline.syncOperations.addHandler(WriterHandler(part))
                }
            }
            .bind(host: "127.0.0.1", port: port).get()
        let control = try await ServerBootstrap(group: group)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(ControlHandler(parts)) }
            }
            .bind(host: "127.0.0.1", port: controlPort).get()
        return LoopbackWriter(
            port: listening.localAddress?.port ?? port, controlPort: control.localAddress?.port ?? controlPort,
            channels: [listening, control])
    }

    /// Serves until the process ends.
    public func run() async throws {
        for channel in channels { try await channel.closeFuture.get() }
    }

    public func close() async throws {
        for channel in channels { try await channel.close() }
    }
}

/// The connections of one event loop.
///
/// `@unchecked Sendable`: the connections are touched on the loop only.
private final class WriterPart: @unchecked Sendable {
    let loop: any EventLoop
    private var connections: [ObjectIdentifier: ChannelHandlerContext] = [:]

    init(loop: any EventLoop) {
        self.loop = loop
    }

    func add(_ handler: WriterHandler, _ context: ChannelHandlerContext) { connections[ObjectIdentifier(handler)] = context }

    func remove(_ handler: WriterHandler) { connections[ObjectIdentifier(handler)] = nil }

    func write(_ bytes: ByteBuffer) {
        loop.execute {
            for context in self.connections.values { context.writeAndFlush(NIOAny(bytes), promise: nil) }
        }
    }
}

private final class WriterHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let part: WriterPart
    /// An empty text frame: whoever has read it is connected.
    private static let greeting = ByteBuffer(bytes: [0x81, 0x00])

    init(_ part: WriterPart) {
        self.part = part
    }

    func channelActive(context: ChannelHandlerContext) {
        part.add(self, context)
        context.writeAndFlush(NIOAny(Self.greeting), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { part.remove(self) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {}
}

private final class ControlHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let parts: [WriterPart]

    init(_ parts: [WriterPart]) {
        self.parts = parts
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        for part in parts { part.write(bytes) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
