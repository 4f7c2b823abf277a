public import ParleyModel

/// Why a call failed, or why ``ParleyClient/run()`` ended. Each case says what the caller can do.
public enum ClientError: Error, Sendable, Equatable {
    /// The server answered and said no; ``Refusal/isRetryable`` says whether the same can succeed later.
    case refused(Refusal)
    /// The server closed the connection with a code of 4500 or above: coming back would not help. Get another token, or
    /// another version of this library.
    case closed(code: UInt16, reason: String)
    /// The server said something that the protocol does not know.
    case notUnderstood(String)
    /// The connection, or the request, failed on the way; whether it was carried out is not known.
    case connectionFailed(String)
    /// More is waiting to be sent than ``ParleyClient/Configuration/outboxLimit`` allows. Wait for some of it.
    case outboxFull
    /// ``ParleyClient/run()`` has ended, so that no answer can come. A message may have been stored nevertheless; sent
    /// again with the same `clientMessageID` it is not stored twice.
    case ended
    /// ``ParleyClient/run()`` was called a second time.
    case alreadyRunning
    /// The address is not one of `http://host[:port][/path]` and `https://…`.
    case invalidAddress(String)
}

extension ClientError: CustomStringConvertible {
    /// A sentence for logs; holds neither tokens nor message text.
    public var description: String {
        switch self {
        case .refused(let refusal): "refused: \(refusal.code) (\(refusal.detail))"
        case .closed(let code, let reason): "closed for good: \(code) \(reason)"
        case .notUnderstood(let what): "not understood: \(what)"
        case .connectionFailed(let why): why
        case .outboxFull: "too much is waiting to be sent"
        case .ended: "the client has ended"
        case .alreadyRunning: "the client runs already, or has run"
        case .invalidAddress(let text): "\"\(text)\" is not an http:// or https:// address"
        }
    }
}

/// The server's no.
public struct Refusal: Sendable, Equatable {
    /// The stable name; ``ErrorCode`` holds those that this version knows.
    public let code: String
    /// A sentence for the developer.
    public let detail: String
    /// Whether the same can succeed later, unchanged.
    public let isRetryable: Bool
    /// When to try again, if the server said so.
    public let retryAfterMilliseconds: Int64?

    public init(code: String, detail: String, isRetryable: Bool, retryAfterMilliseconds: Int64? = nil) {
        self.code = code
        self.detail = detail
        self.isRetryable = isRetryable
        self.retryAfterMilliseconds = retryAfterMilliseconds
    }

    /// The code as a value to switch over; nil for one that this version does not know.
    public var knownCode: ErrorCode? { ErrorCode(rawValue: code) }
}

extension Refusal {
    /// Reads an `error` reply.
    init(reply json: JSONObject) throws(FieldError) {
        self.init(
            code: try json.requiredString("code"), detail: try json.string("detail") ?? "",
            isRetryable: try json.boolean("retryable") ?? false, retryAfterMilliseconds: try json.integer("retry_after_ms"))
    }
}
