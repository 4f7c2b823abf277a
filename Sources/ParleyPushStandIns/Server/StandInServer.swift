import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL

/// A server of HTTP/2 over TLS on a free port of 127.0.0.1.
struct StandInServer: Sendable {
    private let channel: any Channel
    let url: String
    /// The certificate that its clients have to trust, as PEM.
    let trustRoots: String

    static func start(
        group: any EventLoopGroup, maxConcurrentStreams: Int, onConnection: @escaping @Sendable () -> Void,
        behave: @escaping @Sendable (StandInRequest, StandInConnection) -> StandInBehaviour
    ) async throws -> StandInServer {
        let certificate = try StandInCertificate()
        let context = try NIOSSLContext(configuration: tls(certificate))
        let channel = try await ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: 256)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                onConnection()
                return channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    let connection = NIOLoopBound(StandInConnection(), eventLoop: channel.eventLoop)
                    _ = try channel.pipeline.syncOperations.configureHTTP2Pipeline(
                        mode: .server, connectionConfiguration: connectionConfiguration(maxConcurrentStreams),
                        streamConfiguration: streamConfiguration
                    ) { stream in
                        stream.eventLoop.makeCompletedFuture {
                            try stream.pipeline.syncOperations.addHandler(StandInStream(connection.value, behave))
                        }
                    }
                    try channel.pipeline.syncOperations.addHandler(ErrorCloser())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        return StandInServer(
            channel: channel, url: "https://127.0.0.1:\(channel.localAddress?.port ?? 0)", trustRoots: certificate.pem)
    }

    func close() async throws { try await channel.close() }

    /// Only HTTP/2 is offered: who speaks something else is not understood.
    private static func tls(_ certificate: StandInCertificate) -> TLSConfiguration {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: [.certificate(certificate.certificate)], privateKey: .privateKey(certificate.privateKey))
        tls.applicationProtocols = ["h2"]
        return tls
    }

    private static func connectionConfiguration(_ maxConcurrentStreams: Int) -> NIOHTTP2Handler.ConnectionConfiguration {
        var configuration = NIOHTTP2Handler.ConnectionConfiguration()
        configuration.initialSettings = [
            HTTP2Setting(parameter: .maxConcurrentStreams, value: maxConcurrentStreams),
            HTTP2Setting(parameter: .maxHeaderListSize, value: 16_384),
        ]
        return configuration
    }

    private static var streamConfiguration: NIOHTTP2Handler.StreamConfiguration {
        var configuration = NIOHTTP2Handler.StreamConfiguration()
        // Clients whose time is up reset their streams; here that is what is tested.
        configuration.streamResetFrameRateLimit.maximumCount = 100_000
        configuration.streamErrorRateLimit.maximumCount = 100_000
        return configuration
    }
}

/// A connection on which something is wrong ends.
private final class ErrorCloser: ChannelInboundHandler {
    typealias InboundIn = Any

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
