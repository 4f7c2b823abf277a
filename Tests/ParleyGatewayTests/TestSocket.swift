import NIOCore
import NIOEmbedded
import NIOWebSocket
import ParleyCore
import ParleyModel
import Synchronization

@testable import ParleyGateway

/// A connection on a loop whose time is moved by hand, with the frames that have left towards the network.
final class TestSocket: Sendable {
    let channel: NIOAsyncTestingChannel
    let connection: SocketConnection
    private let flushes: FlushCounter
    private let entered = Mutex<Subscriber?>(nil)

    private init(_ channel: NIOAsyncTestingChannel, _ connection: SocketConnection, _ flushes: FlushCounter) {
        self.channel = channel
        self.connection = connection
        self.flushes = flushes
    }

    static func open(
        on loop: NIOAsyncTestingEventLoop, _ hub: Hub, _ gateway: TestGateway, hasToken: Bool = false
    ) async throws -> TestSocket {
        let channel = NIOAsyncTestingChannel(loop: loop)
        let flushes = FlushCounter()
        let connection = SocketConnection(
            channel: channel, hub: hub, sessions: gateway.sessions,
            session: SocketSession(services: gateway.services, handshakeToken: hasToken ? "t" : nil), configuration: gateway.configuration)
        try await loop.executeInContext {
            try channel.pipeline.syncOperations.addHandlers([flushes, WebSocketFrameEncoder(), connection])
        }
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        return TestSocket(channel, connection, flushes)
    }

    /// As a user who was let in.
    func enter(_ caller: Caller, tokenEndsIn seconds: Double? = nil) async throws {
        guard let user = caller.userID,
            case .entered(let subscriber) = await connection.enter(caller, user: user, tokenEndsIn: seconds)
        else { throw AlreadyClosed() }
        entered.withLock { $0 = subscriber }
    }

    var subscriber: Subscriber {
        get throws {
            guard let subscriber = entered.withLock({ $0 }) else { throw AlreadyClosed() }
            return subscriber
        }
    }

    /// Lets the reader take everything or nothing, and the connection hear of it.
    func setWritable(_ isWritable: Bool) async throws {
        let channel = channel
        channel.isWritable = isWritable
        try await channel.testingEventLoop.executeInContext { channel.pipeline.fireChannelWritabilityChanged() }
    }

    struct AlreadyClosed: Error {}

    var flushCount: Int { flushes.count.withLock { $0 } }

    /// What has left since the last look: texts as they are, `ping`, `pong`, and `close 4001`.
    func sent() async throws -> [String] {
        var sent: [String] = []
        while var bytes = try await channel.readOutbound(as: ByteBuffer.self) {
            while bytes.readableBytes > 0 { sent.append(Self.describe(&bytes)) }
        }
        return sent
    }

    /// The events that have left since the last look: of messages their numbers, of others their type.
    func told() async throws -> [String] {
        try await sent().map { text in
            guard case .object(let object)? = try? JSONParser.parse(Array(text.utf8)), case .string(let type)? = object["type"] else {
                return text
            }
            guard type == "message", case .object(let message)? = object["message"], case .integer(let number)? = message["sequence_number"]
            else { return type }
            return "\(number)"
        }
    }

    func receive(_ text: String) async throws {
        var data = ByteBuffer(string: text)
        let key: WebSocketMaskingKey = [1, 2, 3, 4]
        data.webSocketMask(key)
        try await channel.writeInbound(WebSocketFrame(fin: true, opcode: .text, maskKey: key, data: data))
    }

    /// The next of the frames that left together.
    private static func describe(_ bytes: inout ByteBuffer) -> String {
        let opcode = bytes.readInteger(as: UInt8.self) ?? 0
        var length = Int(bytes.readInteger(as: UInt8.self) ?? 0)
        if length == 126 { length = Int(bytes.readInteger(as: UInt16.self) ?? 0) }
        if length == 127 { length = Int(bytes.readInteger(as: UInt64.self) ?? 0) }
        var payload = bytes.readSlice(length: length) ?? ByteBuffer()
        switch opcode {
        case 0x81: return String(buffer: payload)
        case 0x88: return "close \(payload.readInteger(as: UInt16.self).map(String.init) ?? "")"
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
