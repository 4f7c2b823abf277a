import NIOCore

/// Calls back when the client has closed its side of the connection, which nobody else looks for while a long response
/// leaves: without it, that the reader has gone shows only when a write fails, and until then its user counts as online.
///
/// A client that closes its sending side and goes on reading is taken for one that has gone, as most HTTP servers do.
final class InputClosedHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let closed: () -> Void

    init(_ closed: @escaping () -> Void) { self.closed = closed }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event { closed() }
        context.fireUserInboundEventTriggered(event)
    }
}
