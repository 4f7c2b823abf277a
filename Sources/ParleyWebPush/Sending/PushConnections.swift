import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import ParleyCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The connections to push services. Nothing is open before the first request; whoever makes one shuts it down.
final class PushConnections: Sendable {
    /// The connection led to an address that nothing may be sent to.
    struct PrivateAddress: Error {}

    /// What a push service answered, as far as it matters.
    struct Answer: Sendable {
        let status: Int
        let location: String?
        let retryAfter: String?
        /// The beginning of the body.
        let text: String
    }

    private enum State {
        case unused
        case open(HTTPClient)
        case shutDown
    }

    private let limits: WebPushLimits
    private let configuration: HTTPClient.Configuration
    private let state = Mutex(State.unused)

    init(_ limits: WebPushLimits, allowsPrivate: Bool) {
        var configuration = HTTPClient.Configuration()
        // A redirection would lead past every check of the endpoint.
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.timeout = .init(connect: .nanoseconds(Int64(limits.connectSeconds * 1e9)))
        configuration.connectionPool.idleTimeout = .seconds(60)
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = limits.maxUnderWayPerOrigin
        // The worker tries again, and knows when.
        configuration.connectionPool.retryConnectionEstablishment = false
        // It would take every address apart for a tracer that does nothing.
        configuration.tracing.tracer = nil
        if !allowsPrivate {
            // Called before anything of HTTP is sent: the name may have led elsewhere than when it was looked up.
            configuration.http1_1ConnectionDebugInitializer = Self.refusePrivateAddress
            configuration.http2ConnectionDebugInitializer = Self.refusePrivateAddress
        }
        self.limits = limits
        self.configuration = configuration
    }

    func shutDown() async throws {
        let before = state.withLock { state -> State in
            defer { state = .shutDown }
            return state
        }
        if case .open(let client) = before { try await client.shutdown() }
    }

    private func client() throws -> HTTPClient {
        try state.withLock { state in
            switch state {
            case .open(let client): return client
            case .shutDown: throw HTTPClientError.alreadyShutdown
            case .unused:
                let client = HTTPClient(
                    eventLoopGroupProvider: .shared(MultiThreadedEventLoopGroup.singleton), configuration: configuration)
                state = .open(client)
                return client
            }
        }
    }

    /// Throws when there is no answer in time.
    func post(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await client().execute(request, timeout: .nanoseconds(Int64(limits.requestSeconds * 1e9)))
        return Answer(
            status: Int(response.status.code), location: response.headers.first(name: "Location"),
            retryAfter: response.headers.first(name: "Retry-After"), text: await beginning(of: response.body))
    }

    /// Whether the push service may have the request although ``post(_:)`` threw this.
    static func mayHaveSent(_ error: any Error) -> Bool {
        switch error {
        case let error as HTTPClientError:
            ![.connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .alreadyShutdown].contains(error)
        case is NIOConnectionError, ChannelError.connectTimeout, NIOSSLError.handshakeFailed, is NIOSSLExtraError, is PrivateAddress: false
        case let error as IOError: ![ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode)
        default: true
        }
    }

    /// The status is known already: a body that breaks off, or takes its time, changes nothing.
    private func beginning(of body: HTTPClientResponse.Body) async -> String {
        await withTaskGroup(of: String?.self) { group in
            group.addTask { [limits] in
                var bytes: [UInt8] = []
                do {
                    for try await part in body {
                        bytes.append(contentsOf: part.readableBytesView.prefix(limits.maxAnswerBytes - bytes.count))
                        // Leaving the loop closes the connection, and with it what else would come.
                        if bytes.count >= limits.maxAnswerBytes { break }
                    }
                } catch {}
                return String(decoding: bytes, as: UTF8.self)
            }
            group.addTask { [limits] in
                try? await Task.sleep(for: .seconds(limits.requestSeconds))
                return nil
            }
            let text = await group.next() ?? nil
            group.cancelAll()
            return text ?? ""
        }
    }

    @Sendable private static func refusePrivateAddress(_ channel: any Channel) -> EventLoopFuture<Void> {
        if let address = channel.remoteAddress?.ipAddress.flatMap(IPAddress.init), address.isPublic {
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        return channel.close().flatMapErrorThrowing { _ in }.flatMapThrowing { throw PrivateAddress() }
    }
}
