import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// Opens WebSockets that speak `parley.v1`.
struct WebSocketConnector: Sendable {
    static let subprotocol = "parley.v1"

    typealias Socket = NIOAsyncChannel<WebSocketFrame, WebSocketFrame>

    let address: ServerAddress
    let maxMessageBytes: Int
    let connectSeconds: Int64
    private let tls: NIOSSLContext?

    init(address: ServerAddress, maxMessageBytes: Int, connectSeconds: Int64, tls: TLSConfiguration) throws {
        self.address = address
        self.maxMessageBytes = maxMessageBytes
        self.connectSeconds = connectSeconds
        self.tls = address.isSecure ? try NIOSSLContext(configuration: tls) : nil
    }

    /// A socket that is open and has agreed on the subprotocol. Cancelling the task gives the attempt up.
    func connect() async throws -> Socket {
        let attempts = Attempts()
        return try await withTaskCancellationHandler {
            try await open(attempts).get()
        } onCancel: {
            attempts.close()
        }
    }

    private func open(_ attempts: Attempts) async throws -> EventLoopFuture<Socket> {
        do {
            return try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(connectSeconds))
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .connect(host: address.host, port: address.port) { channel in
                    attempts.add(channel)
                    return channel.eventLoop.makeCompletedFuture { try prepare(channel) }
                }
        } catch let error as NIOConnectionError {
            let why = error.connectionErrors.first.map { "\($0.error)" } ?? "its name is not known"
            throw ClientError.connectionFailed("no connection to \(address.authority): \(why)")
        }
    }

    private func prepare(_ channel: any Channel) throws -> EventLoopFuture<Socket> {
        if let tls {
            // An address is no name to ask for (RFC 6066, section 3).
            let name = (try? SocketAddress(ipAddress: address.host, port: 0)) == nil ? address.host : nil
            try channel.pipeline.syncOperations.addHandler(try NIOSSLClientHandler(context: tls, serverHostname: name))
        }
        let upgrader = NIOTypedWebSocketClientUpgrader<Socket>(
            maxFrameSize: maxMessageBytes, enableAutomaticErrorHandling: false,
            upgradePipelineHandler: { channel, head in
                channel.eventLoop.makeCompletedFuture { try Self.upgraded(channel, head) }
            })
        var configuration = NIOUpgradableHTTPClientPipelineConfiguration(
            upgradeConfiguration: NIOTypedHTTPClientUpgradeConfiguration(
                upgradeRequestHead: request, upgraders: [upgrader],
                notUpgradingCompletionHandler: { channel in
                    channel.eventLoop.makeFailedFuture(ClientError.connectionFailed("the server did not open a WebSocket"))
                }))
        // The server speaks first: its hello may come in one piece with the answer to the handshake.
        configuration.leftOverBytesStrategy = .forwardBytes
        let upgrade = try channel.pipeline.syncOperations.configureUpgradableHTTPClientPipeline(configuration: configuration)
        // A server that accepts connections and says nothing.
        let deadline = channel.eventLoop.scheduleTask(in: .seconds(connectSeconds)) { channel.close(promise: nil) }
        upgrade.whenComplete { _ in deadline.cancel() }
        return upgrade
    }

    private var request: HTTPRequestHead {
        HTTPRequestHead(
            version: .http1_1, method: .GET, uri: address.path + "/v1/socket",
            headers: ["Host": address.authority, "Sec-WebSocket-Protocol": Self.subprotocol])
    }

    private static func upgraded(_ channel: any Channel, _ head: HTTPResponseHead) throws -> Socket {
        guard head.headers["Sec-WebSocket-Protocol"] == [subprotocol] else {
            throw ClientError.connectionFailed("the server does not speak \(subprotocol)")
        }
        return try NIOAsyncChannel(
            wrappingChannelSynchronously: channel,
            configuration: .init(backPressureStrategy: .init(lowWatermark: 1, highWatermark: 4)))
    }
}

/// The connections of one attempt (a name may have several addresses), to be closed when it is given up.
private final class Attempts: Sendable {
    private let state = Mutex<(channels: [any Channel], isGivenUp: Bool)>(([], false))

    func add(_ channel: any Channel) {
        let isGivenUp = state.withLock { state in
            state.channels.append(channel)
            return state.isGivenUp
        }
        if isGivenUp { channel.close(promise: nil) }
    }

    func close() {
        let channels = state.withLock { state in
            state.isGivenUp = true
            return state.channels
        }
        for channel in channels { channel.close(promise: nil) }
    }
}
