import AsyncHTTPClient
import NIOCore
import NIOHTTP2
import NIOPosix
import NIOSSL

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Why there is no answer. The texts are constant: errors of libraries may carry header fields and addresses, and so keys and
/// device tokens.
enum HTTPFailure: Error, Equatable {
    case timedOut
    /// No connection had room for it in time.
    case notBegun
    /// The connection or the stream ended before the answer; it is not known whether the request was taken.
    case closed
    case unreachable(String)
    case answerTooLarge
    case cancelled
    /// The client was shut down before.
    case shutDown
    case other(String)

    var reason: String {
        switch self {
        case .timedOut: "no answer in time"
        case .notBegun: "no connection had room for it in time"
        case .closed: "the connection was closed before the answer"
        case .unreachable(let why): "no connection: \(why)"
        case .answerTooLarge: "the answer is too large"
        case .cancelled, .shutDown: "this process is stopping"
        case .other(let kind): "the request failed (\(kind))"
        }
    }

    /// Whether the server may have the request all the same.
    var mayBeTaken: Bool {
        switch self {
        case .timedOut, .closed, .answerTooLarge, .cancelled, .other: true
        case .notBegun, .unreachable, .shutDown: false
        }
    }

    init(_ error: any Error) {
        switch error {
        case let failure as HTTPFailure: self = failure
        case let error as HTTPClientError: self = Self.failure(error)
        case is CancellationError: self = .cancelled
        case is NIOConnectionError: self = .unreachable("the server does not accept connections")
        case ChannelError.connectTimeout: self = .unreachable("the server did not accept it in time")
        case NIOSSLError.handshakeFailed: self = .unreachable("the TLS handshake failed; is the server's certificate trusted here?")
        case is NIOSSLExtraError: self = .unreachable("the server's certificate is not for its name")
        case let error as IOError where Self.refusals.contains(error.errnoCode):
            self = .unreachable("the server does not accept connections")
        case is IOError, is ChannelError, is any NIOHTTP2Error, is NIOSSLError: self = .closed
        default: self = .other(String(describing: type(of: error)))
        }
    }

    private static let refusals: Set<CInt> = [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH]

    private static func failure(_ error: HTTPClientError) -> HTTPFailure {
        switch error {
        case .deadlineExceeded, .readTimeout, .writeTimeout: .timedOut
        case .getConnectionFromPoolTimeout: .notBegun
        case .connectTimeout, .tlsHandshakeTimeout: .unreachable("the server did not accept it in time")
        // A request that meets a closing connection is called cancelled, too.
        case .cancelled: Task.isCancelled ? .cancelled : .closed
        case .remoteConnectionClosed, .requestStreamCancelled, .uncleanShutdown: .closed
        case .alreadyShutdown: .shutDown
        default: .other(error.shortDescription)
        }
    }
}
