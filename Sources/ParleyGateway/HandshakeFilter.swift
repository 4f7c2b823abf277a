import NIOCore
import NIOHTTP1

/// Looks at a connection's first request before the upgrade handler does.
///
/// Only a whole WebSocket handshake for the socket's path goes on as one. Every other request that asks for an upgrade
/// (`curl --http2` asks for h2c, a broken client leaves the key out) goes on without its `Upgrade` header, as RFC 9110,
/// section 7.8, allows: the routes then answer it, also when the page it comes from may open no sockets here. And bytes that are no HTTP at all get a 400 instead of silence.
final class HandshakeFilter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    /// Nil where no sockets are taken.
    private let socketPath: String?
    private let origins: OriginRule

    init(socketPath: String?, origins: OriginRule) {
        self.socketPath = socketPath
        self.origins = origins
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        if !head.headers["upgrade"].isEmpty, !isHandshake(head) {
            head.headers.remove(name: "upgrade")
            head.headers.remove(name: "connection")
        }
        context.fireChannelRead(wrapInboundOut(.head(head)))
        // Later requests of the connection, and frames, are none of its business.
        context.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// The opening handshake of RFC 6455, section 4.2.1.
    private func isHandshake(_ head: HTTPRequestHead) -> Bool {
        head.method == .GET && socketPath.map { head.uri.prefix { $0 != "?" } == $0 } == true
            && head.headers[canonicalForm: "upgrade"].contains { $0.lowercased() == "websocket" }
            && head.headers[canonicalForm: "connection"].contains { $0.lowercased() == "upgrade" }
            && head.headers["sec-websocket-version"] == ["13"] && head.headers["sec-websocket-key"].count == 1
            && origins.allows(origin: head.headers.first(name: "origin"), host: head.headers.first(name: "host"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard error is HTTPParserError else { return context.fireErrorCaught(error) }
        let head = HTTPResponseHead(version: .http1_1, status: .badRequest, headers: ["Connection": "close", "Content-Length": "0"])
        context.write(NIOAny(HTTPServerResponsePart.head(head)), promise: nil)
        context.writeAndFlush(NIOAny(HTTPServerResponsePart.end(nil))).assumeIsolated().whenComplete { _ in context.close(promise: nil) }
    }
}
