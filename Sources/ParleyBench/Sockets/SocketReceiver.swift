import NIOCore
import ParleyModel

/// One socket of the benchmark, over all its connections. It counts what arrives, and checks that every message of its
/// conversation comes once and in order. Confined to its crowd's event loop.
final class SocketReceiver: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Role: Sendable {
        /// Of the bare writer: no handshake, frames only.
        case bare
        /// A user's, which authenticates, and subscribes from where it stands.
        case listening(ConversationID, token: String, from: Int64)
        /// A user's, which authenticates and hears nothing.
        case sending(token: String)
    }

    private enum State {
        case closed
        case shakingHands(ResponseReader)
        case joining
        case ready
    }

    private static let authentication: Int64 = 1
    private static let subscription: Int64 = 2

    let place: Int
    private let role: Role
    private unowned let crowd: SocketCrowd
    private var state = State.closed
    private var frames = FrameReader()
    private var context: ChannelHandlerContext?
    private var cursor: String?
    private(set) var openedAt = NIODeadline.now()
    /// The number of its conversation's last message.
    private(set) var position: Int64
    /// How often it was told that it reads too slowly.
    private(set) var behindCount = 0
    private(set) var lastMessage: ByteBuffer?

    init(_ role: Role, place: Int, crowd: SocketCrowd) {
        self.role = role
        self.place = place
        self.crowd = crowd
        position = if case .listening(_, _, let start) = role { start } else { 0 }
    }

    var isReady: Bool { if case .ready = state { true } else { false } }
    var isClosed: Bool { if case .closed = state { true } else { false } }

    // MARK: Called by the crowd and its rows

    /// It will have a connection soon.
    func opens(at now: NIODeadline) {
        openedAt = now
    }

    func write(_ bytes: ByteBuffer) {
        context?.writeAndFlush(wrapOutboundOut(bytes), promise: nil)
    }

    func setReading(_ isOn: Bool) {
        try? context?.channel.syncOptions?.setOption(.autoRead, value: isOn)
        if isOn { context?.read() }
    }

    func close() {
        context?.close(promise: nil)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        if self.context === context { self.context = nil }
    }

    func channelActive(context: ChannelHandlerContext) {
        frames = FrameReader()
        switch role {
        case .bare:
            state = .joining
        case .listening, .sending:
            state = .shakingHands(ResponseReader())
            write(ClientFrames.handshake())
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        do throws(BenchError) {
            if case .shakingHands(var reader) = state {
                try shakeHands(&reader, &bytes)
            }
            guard bytes.readableBytes > 0 else { return }
            frames.append(bytes)
            while let frame = try frames.next() { try take(frame) }
        } catch {
            crowd.failed(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closed
        crowd.closed(self, .connectionClosed(request: "socket \(place)"))
    }

    /// A reset is followed by the connection's end, like every other error here.
    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    // MARK: What arrives

    private func shakeHands(_ reader: inout ResponseReader, _ bytes: inout ByteBuffer) throws(BenchError) {
        guard let response = try reader.read(&bytes) else {
            state = .shakingHands(reader)
            return
        }
        guard response.status == 101 else {
            throw .unexpectedAnswer(
                request: "GET /v1/socket", expected: 101, status: response.status, text: String(decoding: response.text, as: UTF8.self))
        }
        state = .joining
        join()
    }

    /// Both commands leave together: a client need not wait for the first one's answer.
    private func join() {
        var buffer = ByteBuffer()
        switch role {
        case .bare: return
        case .sending(let token):
            ClientFrames.write(text: ClientFrames.authenticate(token, id: Self.authentication), into: &buffer)
        case .listening(let conversation, let token, _):
            ClientFrames.write(text: ClientFrames.authenticate(token, id: Self.authentication), into: &buffer)
            let subscribe = ClientFrames.subscribe(from: position, in: conversation, cursor: cursor, id: Self.subscription)
            ClientFrames.write(text: subscribe, into: &buffer)
        }
        write(buffer)
    }

    private func take(_ frame: FrameReader.Frame) throws(BenchError) {
        switch frame.opcode {
        case .text: try take(SocketEvent(frame.payload), frame.payload)
        case .ping: write(ClientFrames.pong)
        case .close: try turnedAway(frame.payload)
        }
    }

    private func take(_ event: SocketEvent, _ payload: ByteBuffer) throws(BenchError) {
        switch event {
        case .message(let number):
            guard number == position + 1 else {
                throw .wrongMessage(socket: place, expected: position + 1, received: number)
            }
            position = number
            // One of them shows what a message looks like.
            if place == 0 { lastMessage = payload }
            crowd.received(number, by: self)
        case .caughtUp(let cursor):
            self.cursor = cursor
            becomeReady()
        case .accepted(let id):
            if case .sending = role, id == Self.authentication { becomeReady() }
        case .refused(let text): throw .refusedCommand(text)
        case .behind: behindCount += 1
        case .other:
            // The bare writer's first frame.
            if case .bare = role { becomeReady() }
        }
    }

    private func becomeReady() {
        guard !isReady else { return }
        state = .ready
        crowd.ready(self)
    }

    /// From 4500 on there is no coming back.
    private func turnedAway(_ payload: ByteBuffer) throws(BenchError) {
        let code = payload.getInteger(at: payload.readerIndex, as: UInt16.self) ?? 0
        guard (4000..<4500).contains(code), crowd.turnedAway(self, code) else { throw .socketClosed(Self.closeReason(payload)) }
        close()
    }

    private static func closeReason(_ payload: ByteBuffer) -> String {
        let code = payload.getInteger(at: payload.readerIndex, as: UInt16.self) ?? 0
        return "\(code) \(String(decoding: payload.readableBytesView.dropFirst(2), as: UTF8.self))"
    }
}
