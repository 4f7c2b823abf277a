import NIOCore
import NIOEmbedded
import NIOWebSocket
import ParleyModel
import Synchronization

@testable import ParleyGateway

/// A connection on a loop whose time is moved by hand, with the frames that have left towards the network.
struct TestSocket {
    let channel: NIOAsyncTestingChannel
    let connection: SocketConnection
    private let flushes: FlushCounter

    static func open(
        on loop: NIOAsyncTestingEventLoop, _ hub: HubPart, configuration: GatewayConfiguration = .init(), hasToken: Bool = false
    ) async throws -> TestSocket {
        let channel = NIOAsyncTestingChannel(loop: loop)
        let flushes = FlushCounter()
        let connection = SocketConnection(channel: channel, hub: hub, configuration: configuration, hasToken: hasToken)
        try await loop.executeInContext {
            try channel.pipeline.syncOperations.addHandlers([flushes, WebSocketFrameEncoder(), connection])
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        return TestSocket(channel: channel, connection: connection, flushes: flushes)
    }

    /// As a user who was let in and listens to these conversations.
    func enter(_ user: UserID, _ conversations: [ConversationID] = []) async throws {
        guard let listener = await connection.enter(user) else { throw AlreadyClosed() }
        await connection.listen(listener, to: conversations)
    }

    struct AlreadyClosed: Error {}

    var flushCount: Int { flushes.count.withLock { $0 } }

    /// What has left since the last look: texts as they are, `ping`, `pong`, and `close 4001`.
    func sent() async throws -> [String] {
        var sent: [String] = []
        while var bytes = try await channel.readOutbound(as: ByteBuffer.self) { sent.append(Self.describe(&bytes)) }
        return sent
    }

    func receive(_ text: String) async throws {
        var data = ByteBuffer(string: text)
        let key: WebSocketMaskingKey = [1, 2, 3, 4]
        data.webSocketMask(key)
        try await channel.writeInbound(WebSocketFrame(fin: true, opcode: .text, maskKey: key, data: data))
    }

    private static func describe(_ frame: inout ByteBuffer) -> String {
        let opcode = frame.readInteger(as: UInt8.self) ?? 0
        let length = frame.readInteger(as: UInt8.self) ?? 0
        if length == 126 { frame.moveReaderIndex(forwardBy: 2) }
        switch opcode {
        case 0x81: return frame.readString(length: frame.readableBytes) ?? ""
        case 0x88: return "close \(frame.readInteger(as: UInt16.self).map(String.init) ?? "")"
        case 0x89: return "ping"
        case 0x8A: return "pong"
        default: return "opcode \(opcode)"
        }
    }
}

private final class FlushCounter: ChannelOutboundHandler, Sendable {
    typealias OutboundIn = ByteBuffer

    let count = Mutex(0)

    func flush(context: ChannelHandlerContext) {
        count.withLock { $0 += 1 }
        context.flush()
    }
}
