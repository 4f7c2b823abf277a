public import HummingbirdCore
public import Logging
public import NIOCore
import NIOHTTP1
public import NIOHTTPTypes
import NIOHTTPTypesHTTP1
import NIOWebSocket
import ParleyCore
import Synchronization

/// REST and sockets on one port: a connection whose first request is a WebSocket handshake for `/v1/socket` becomes a
/// socket, every other one is HTTP/1.1 for Hummingbird.
public struct ParleyChannel: HTTPChannelHandler {
    public enum Negotiated: Sendable {
        case http(NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>)
        /// From here on the hub and ``SocketSessions`` look after it.
        case socket
    }

    public struct Value: ServerChildChannelValue {
        let negotiated: EventLoopFuture<Negotiated>
        public let channel: any Channel
    }

    static let socketPath = "/v1/socket"
    static let subprotocol = "parley.v1"

    public let responder: HTTPChannelHandler.Responder
    private let services: GatewayServices
    private let hub: Hub
    private let sessions: SocketSessions
    private let idleSeconds: Int64
    private let acceptsPerTurn: Int
    private let takesSockets: Bool
    private let origins: OriginRule
    private let isAcceptingWidely = OnceFlag()

    /// - Parameters:
    ///   - idleSeconds: Ends HTTP connections on which nothing happens, half-sent requests included.
    ///   - acceptsPerTurn: Connections that the listener takes at once; a bound on connections is looked at in between.
    ///   - takesSockets: Otherwise a handshake is answered by the routes, as any request.
    public init(
        responder: @escaping HTTPChannelHandler.Responder, services: GatewayServices, hub: Hub, sessions: SocketSessions,
        idleSeconds: Int64, acceptsPerTurn: Int, takesSockets: Bool = true
    ) {
        self.responder = responder
        self.services = services
        self.hub = hub
        self.sessions = sessions
        self.idleSeconds = idleSeconds
        self.acceptsPerTurn = acceptsPerTurn
        self.takesSockets = takesSockets
        origins = OriginRule(allowed: services.configuration.allowedOrigins)
    }

    public func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        if let listener = channel.parent { widenAccepting(listener) }
        return channel.eventLoop.makeCompletedFuture {
            let upgrader = NIOTypedWebSocketServerUpgrader<Negotiated>(
                maxFrameSize: services.configuration.maxMessageBytes,
                enableAutomaticErrorHandling: false,
                shouldUpgrade: { channel, head in channel.eventLoop.makeSucceededFuture(Self.handshake(head)) },
                upgradePipelineHandler: { channel, head in
                    channel.eventLoop.makeCompletedFuture { try open(channel, head) }
                })
            var configuration = NIOUpgradableHTTPServerPipelineConfiguration<Negotiated>(
                upgradeConfiguration: .init(upgraders: [upgrader]) { channel in
                    channel.eventLoop.makeCompletedFuture { .http(try http(channel, logger)) }
                })
            configuration.enablePipelining = false
            configuration.enableErrorHandling = false
            configuration.enableResponseHeaderValidation = false
            let negotiated = try channel.pipeline.syncOperations.configureUpgradableHTTPServerPipeline(configuration: configuration)
            let upgradeHandler = try channel.pipeline.syncOperations.handler(type: NIOTypedHTTPServerUpgradeHandler<Negotiated>.self)
            try channel.pipeline.syncOperations.addHandler(
                HandshakeFilter(socketPath: takesSockets ? Self.socketPath : nil, origins: origins), position: .before(upgradeHandler))
            // Until the first request's head is complete nobody else watches the clock: a head that trickles in ends here.
            let bound = channel.eventLoop.scheduleTask(in: .seconds(idleSeconds)) { channel.close(promise: nil) }
            negotiated.whenComplete { _ in bound.cancel() }
            return Value(negotiated: negotiated, channel: channel)
        }
    }

    /// After a restart thousands of clients come back at once, and NIO accepts four of them a turn: the listen queue
    /// overflows, and whoever is dropped waits for seconds before TCP tries again. Hummingbird does not show its listener,
    /// but every connection knows it.
    private func widenAccepting(_ listener: any Channel) {
        guard isAcceptingWidely.raise() else { return }
        listener.setOption(.maxMessagesPerRead, value: UInt(acceptsPerTurn)).whenFailure { _ in }
    }

    /// The headers of a good handshake; nil for a request that is none of ours.
    private static func handshake(_ head: HTTPRequestHead) -> HTTPHeaders? {
        let path = head.uri.prefix { $0 != "?" }
        guard path == socketPath else { return nil }
        let offered = head.headers[canonicalForm: "sec-websocket-protocol"]
        return offered.contains { $0 == subprotocol } ? ["Sec-WebSocket-Protocol": subprotocol] : [:]
    }

    private func open(_ channel: any Channel, _ head: HTTPRequestHead) throws -> Negotiated {
        let configuration = services.configuration
        try channel.syncOptions?.setOption(
            .writeBufferWaterMark, value: .init(low: configuration.maxOutboundBytes / 2, high: configuration.maxOutboundBytes))
        // Commands are short; the buffer grows for whoever sends long ones. It is a good part of what an idle socket weighs.
        try channel.syncOptions?.setOption(
            .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 64, initial: 512, maximum: 65_536))
        let token = head.headers.first(name: "authorization").flatMap { value -> String? in
            value.lowercased().hasPrefix("bearer ") ? String(value.dropFirst(7)) : nil
        }
        let connection = SocketConnection(
            channel: channel, hub: hub, sessions: sessions, session: SocketSession(services: services, handshakeToken: token),
            configuration: configuration)
        try channel.pipeline.syncOperations.addHandler(connection)
        return .socket
    }

    private func http(_ channel: any Channel, _ logger: Logger) throws -> NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
        try channel.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
        try channel.pipeline.syncOperations.addHandler(HTTPConnectionStateHandler(idleTimeout: .seconds(idleSeconds), logger: logger))
        return try NIOAsyncChannel(wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
    }

    public func handle(value: Value, logger: Logger) async {
        do {
            switch try await value.negotiated.get() {
            case .http(let channel): await handleHTTP(asyncChannel: channel, logger: logger)
            case .socket: break
            }
        } catch {
            // The connection ended, or sent no HTTP, before it said what it wants.
            logger.trace("a connection ended before its first request", metadata: ["error": "\(error)"])
            try? await value.channel.close()
        }
    }
}

/// Is raised once.
private final class OnceFlag: Sendable {
    private let isRaised = Atomic(false)

    /// True for the first one who asks.
    func raise() -> Bool {
        isRaised.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged
    }
}
