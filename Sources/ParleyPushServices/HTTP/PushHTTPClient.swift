import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
public import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The HTTP client of one push service: a pool of connections, HTTP/2 where the server speaks it, which AsyncHTTPClient settles
/// by ALPN. Several requests share a connection.
///
/// It is a service, so that its connections are closed after whoever uses it has ended.
public final class PushHTTPClient: Service {
    private let client: HTTPClient
    private let connections: OpenConnections
    private let limits: PushServiceLimits

    /// `trustRoots`: certificates as PEM that are trusted beside the system's, for proxies and stand-ins.
    public init(limits: PushServiceLimits = PushServiceLimits(), trustRoots: String? = nil) throws(PushKeyError) {
        let connections = OpenConnections()
        self.connections = connections
        self.limits = limits
        var configuration = HTTPClient.Configuration()
        configuration.tlsConfiguration = try Self.tls(trustRoots)
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .milliseconds(Int64(limits.connectSeconds * 1000))
        configuration.timeout.read = .milliseconds(Int64(limits.answerSeconds * 1000))
        // Push services ask for connections that stay open: Apple takes many new ones for an attack.
        configuration.connectionPool.idleTimeout = .hours(1)
        // The worker waits and tries again; here a server that cannot be reached is an answer.
        configuration.connectionPool.retryConnectionEstablishment = false
        // It would take every address apart for a tracer that does nothing.
        configuration.tracing.tracer = nil
        let unanswered = ChannelOptions.Types.SocketOption.Value(limits.answerSeconds * 1000)
        configuration.http2ConnectionDebugInitializer = { channel in
            connections.add(channel)
            return Self.limitSilence(of: channel, milliseconds: unanswered)
        }
        client = HTTPClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton, configuration: configuration)
    }

    /// A server that vanished without a word is noticed by what it does not acknowledge, in seconds instead of a quarter of an
    /// hour. (`TCP_USER_TIMEOUT`, which other systems do not have.)
    private static func limitSilence(of channel: any Channel, milliseconds: ChannelOptions.Types.SocketOption.Value)
        -> EventLoopFuture<Void>
    {
        #if os(Linux)
            let option = ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: CInt(TCP_USER_TIMEOUT)))
            return channel.setOption(option, value: milliseconds).flatMapError { _ in channel.eventLoop.makeSucceededVoidFuture() }
        #else
            return channel.eventLoop.makeSucceededVoidFuture()
        #endif
    }

    private static func tls(_ trustRoots: String?) throws(PushKeyError) -> TLSConfiguration {
        var tls = TLSConfiguration.makeClientConfiguration()
        guard let trustRoots else { return tls }
        do {
            let certificates = try NIOSSLCertificate.fromPEMBytes(Array(trustRoots.utf8))
            guard !certificates.isEmpty else { throw PushKeyError("there is no certificate in it") }
            tls.additionalTrustRoots = [.certificates(certificates)]
        } catch {
            throw PushKeyError("the trusted certificates cannot be read: PEM is expected, each beginning with -----BEGIN CERTIFICATE-----")
        }
        return tls
    }

    /// Throws what ``init(limits:trustRoots:)`` would.
    public static func check(trustRoots: String) throws(PushKeyError) { _ = try tls(trustRoots) }

    /// Closes what is still open; what is under way fails.
    deinit { client.shutdown { _ in } }

    public func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    /// Ends with all connections closed. Further requests fail.
    public func close() async { try? await client.shutdown() }

    /// Requests under way on the connections fail.
    func dropConnections() { connections.closeAll() }

    /// Sends it once. The answer's head comes before the deadline, its last byte at most one waiting time later.
    func send(_ request: HTTPClientRequest, until deadline: NIODeadline) async -> Result<HTTPAnswer, HTTPFailure> {
        do {
            let response = try await client.execute(request, deadline: deadline)
            var body: [UInt8] = []
            for try await part in response.body {
                guard body.count + part.readableBytes <= limits.maxAnswerBytes else { return .failure(.answerTooLarge) }
                guard NIODeadline.now() < deadline else { return .failure(.timedOut) }
                body.append(contentsOf: part.readableBytesView)
            }
            return .success(HTTPAnswer(status: Int(response.status.code), headers: response.headers, body: body))
        } catch {
            return .failure(HTTPFailure(error))
        }
    }
}

/// What a server said.
struct HTTPAnswer {
    let status: Int
    let headers: HTTPHeaders
    let body: [UInt8]

    /// The first header field of that name.
    func field(_ name: String) -> String? { headers.first(name: name) }
}
