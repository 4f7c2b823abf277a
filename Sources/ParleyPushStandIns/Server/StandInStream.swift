import NIOCore
import NIOHPACK
import NIOHTTP2

/// What a stand-in knows of one connection. Only its event loop touches it.
final class StandInConnection {
    /// The provider token seen last, and when it was first seen.
    var providerToken: (text: String, since: Int64)?
}

/// One request and its reply.
final class StandInStream: ChannelInboundHandler {
    typealias InboundIn = HTTP2Frame.FramePayload
    typealias OutboundOut = HTTP2Frame.FramePayload

    /// Whatever is larger is answered 413 by no real service: the stream is reset.
    private static let maxBodyBytes = 1_048_576

    private let connection: StandInConnection
    private let behave: (StandInRequest, StandInConnection) -> StandInBehaviour
    private var headers: HPACKHeaders?
    private var body: [UInt8] = []

    init(_ connection: StandInConnection, _ behave: @escaping (StandInRequest, StandInConnection) -> StandInBehaviour) {
        self.connection = connection
        self.behave = behave
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .headers(let frame):
            // A second block is trailers.
            if headers == nil { headers = frame.headers }
            if frame.endStream { answer(context) }
        case .data(let frame):
            if case .byteBuffer(let bytes) = frame.data { body.append(contentsOf: bytes.readableBytesView) }
            guard body.count <= Self.maxBodyBytes else { return reset(.enhanceYourCalm, context) }
            if frame.endStream { answer(context) }
        default: break
        }
    }

    private func answer(_ context: ChannelHandlerContext) {
        guard let headers else { return reset(.protocolError, context) }
        let request = StandInRequest(
            method: headers.first(name: ":method") ?? "", path: headers.first(name: ":path") ?? "",
            fields: headers.lazy.filter { !$0.name.hasPrefix(":") }.map { ($0.name, $0.value) }, body: body)
        switch behave(request, connection) {
        case .reply(let reply): send(reply, context)
        case .silence: break
        case .resetStream(let code): reset(HTTP2ErrorCode(networkCode: code), context)
        case .goAway: goAway(context)
        case .closeConnection: context.channel.parent?.close(promise: nil)
        }
    }

    private func send(_ reply: StandInReply, _ context: ChannelHandlerContext) {
        let headers = HPACKHeaders([(":status", "\(reply.status)")] + reply.fields.map { ($0.name, $0.value) })
        context.write(wrapOutboundOut(.headers(.init(headers: headers, endStream: reply.body.isEmpty))), promise: nil)
        if !reply.body.isEmpty {
            let bytes = context.channel.allocator.buffer(bytes: reply.body)
            context.write(wrapOutboundOut(.data(.init(data: .byteBuffer(bytes), endStream: true))), promise: nil)
        }
        context.flush()
    }

    private func reset(_ code: HTTP2ErrorCode, _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(.rstStream(code)), promise: nil)
    }

    private func goAway(_ context: ChannelHandlerContext) {
        guard let connection = context.channel.parent else { return }
        let frame = HTTP2Frame(
            streamID: .rootStream, payload: .goAway(lastStreamID: .rootStream, errorCode: .noError, opaqueData: nil))
        connection.writeAndFlush(frame).whenComplete { _ in connection.close(promise: nil) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
