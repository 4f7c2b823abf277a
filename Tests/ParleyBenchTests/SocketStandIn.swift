import NIOCore
import NIOPosix
import ParleyModel

@testable import ParleyBench

/// A server with as much of the socket's protocol as the benchmark needs, for one event loop.
final class SocketStandIn {
    let eventLoop: any EventLoop
    fileprivate var connections: [Connection] = []
    fileprivate var lastNumbers: [ConversationID: Int64] = [:]
    /// Sends this instead of the next number, once.
    var wrongNumber: Int64?

    init(eventLoop: any EventLoop, lastNumbers: [ConversationID: Int64]) {
        self.eventLoop = eventLoop
        self.lastNumbers = lastNumbers
    }

    /// Runs `body` with the stand-in and the port it listens on.
    static func with(
        lastNumbers: [ConversationID: Int64] = [:],
        _ body: (NIOLoopBound<SocketStandIn>, _ port: Int) async throws -> Void
    ) async throws {
        let eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        let server = try await eventLoop.submit {
            NIOLoopBound(SocketStandIn(eventLoop: eventLoop, lastNumbers: lastNumbers), eventLoop: eventLoop)
        }.get()
        let channel = try await ServerBootstrap(group: eventLoop)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Connection(server.value)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            try await body(server, channel.localAddress?.port ?? 0)
        } catch {
            try await channel.close()
            throw error
        }
        try await channel.close()
    }

    /// Tells all connections why they end; the other side closes.
    func turnAway(code: UInt16) {
        for connection in connections { connection.close(code: code) }
    }

    /// Ends all connections without a word.
    func drop() {
        for connection in connections { connection.context?.close(promise: nil) }
    }

    fileprivate func send(in conversation: ConversationID) {
        let number = (lastNumbers[conversation] ?? 0) + 1
        lastNumbers[conversation] = number
        for connection in connections where connection.conversation == conversation {
            connection.tell(Self.event(wrongNumber ?? number, in: conversation))
        }
        wrongNumber = nil
    }

    fileprivate static func event(_ number: Int64, in conversation: ConversationID) -> [UInt8] {
        let message = Message(
            id: MessageID(high: 1, low: UInt32(number)), conversationID: conversation, senderID: UserID(high: 1, low: 1),
            clientMessageID: nil, messageType: .text, content: "hello", mediaIDs: [], sequenceNumber: number,
            createdAt: Timestamp(milliseconds: 0))
        return Event.message(EnrichedMessage(message: message, media: [])).json
    }
}

private final class Connection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let server: SocketStandIn
    fileprivate var context: ChannelHandlerContext?
    fileprivate var conversation: ConversationID?
    private var isOpen = false
    private var bytes = ByteBuffer()

    init(_ server: SocketStandIn) {
        self.server = server
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        server.connections.append(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        server.connections.removeAll { $0 === self }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes.writeImmutableBuffer(unwrapInboundIn(data))
        if !isOpen {
            // The client says nothing more before the answer.
            guard bytes.readableBytesView.suffix(4).elementsEqual("\r\n\r\n".utf8) else { return }
            isOpen = true
            bytes.clear()
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: "HTTP/1.1 101 Switching Protocols\r\n\r\n")), promise: nil)
        }
        while let text = nextText() { carryOut(text) }
    }

    /// The masks of the benchmark's frames are zeros.
    private func nextText() -> [UInt8]? {
        let index = bytes.readerIndex
        guard let second = bytes.getInteger(at: index + 1, as: UInt8.self) else { return nil }
        let isLong = second & 0x7F == 126
        guard let length = isLong ? bytes.getInteger(at: index + 2, as: UInt16.self).map(Int.init) : Int(second & 0x7F) else { return nil }
        let header = isLong ? 8 : 6
        guard let text = bytes.getBytes(at: index + header, length: length) else { return nil }
        bytes.moveReaderIndex(forwardBy: header + length)
        return text
    }

    private func carryOut(_ text: [UInt8]) {
        guard case .object(let command)? = try? JSONParser.parse(text), case .integer(let id)? = command["id"] else { return }
        tell(Array("{\"id\":\(id),\"type\":\"ok\"}".utf8))
        if case .object(let positions)? = command["positions"], let (name, value) = positions.members.first,
            let conversation = ConversationID(name), case .integer(let position) = value
        {
            self.conversation = conversation
            for number in position..<(server.lastNumbers[conversation] ?? 0) { tell(SocketStandIn.event(number + 1, in: conversation)) }
            tell(Event.caughtUp(cursor: "c").json)
        } else if case .string(let name)? = command["conversation_id"], let conversation = ConversationID(name) {
            server.send(in: conversation)
        }
    }

    fileprivate func close(code: UInt16) {
        let frame = ByteBuffer(bytes: [0x88, 0x02, UInt8(code >> 8), UInt8(code & 0xFF)])
        context?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    fileprivate func tell(_ text: [UInt8]) {
        let frame = ByteBuffer(bytes: FrameReaderTests.frame(String(decoding: text, as: UTF8.self)))
        context?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }
}
