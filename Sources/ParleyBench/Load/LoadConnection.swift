import NIOCore

/// One sender: a keep-alive connection whose next request leaves when the last one is answered.
final class LoadConnection: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let tally: LoadTally
    private var source: RequestSource
    private var reader = ResponseReader()
    private var context: ChannelHandlerContext?
    private var sentAt = NIODeadline.now()
    private(set) var isIdle = true

    init(source: RequestSource, tally: LoadTally) {
        self.source = source
        self.tally = tally
    }

    func send() {
        guard let context else { return }
        var buffer = context.channel.allocator.buffer(capacity: 1024)
        source.writeNext(into: &buffer)
        isIdle = false
        sentAt = .now()
        context.writeAndFlush(wrapOutboundOut(buffer), promise: nil)
    }

    func close() {
        context?.close(promise: nil)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        tally.opened(self)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        tally.closed(self)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        do throws(BenchError) {
            while buffer.readableBytes > 0, let response = try reader.read(&buffer) {
                try take(response)
            }
        } catch {
            tally.failed(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if !isIdle || !tally.isStopping { tally.failed(.connectionClosed(request: source.currentName)) }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        tally.failed(.system(call: "the connection", reason: "\(error)"))
    }

    private func take(_ response: Response) throws(BenchError) {
        guard !isIdle else { throw .malformedAnswer("an answer that nobody asked for") }
        try check(response)
        tally.answered(after: .now() - sentAt)
        if tally.isStopping {
            isIdle = true
            close()
        } else {
            send()
        }
    }

    private func check(_ response: Response) throws(BenchError) {
        guard response.status == source.expectedStatus else {
            throw .unexpectedAnswer(
                request: source.currentName, expected: source.expectedStatus, status: response.status,
                text: String(decoding: response.text, as: UTF8.self))
        }
        guard response.bodyBytes >= source.expectedBytes else {
            throw .shortAnswer(request: source.currentName, expectedBytes: source.expectedBytes, bytes: response.bodyBytes)
        }
    }
}
