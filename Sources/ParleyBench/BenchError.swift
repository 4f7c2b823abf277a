/// Why a run gave no report.
public enum BenchError: Error, Equatable, CustomStringConvertible {
    /// A request was answered with another status than it should have; `text` is the answer's body.
    case unexpectedAnswer(request: String, expected: Int, status: Int, text: String)
    /// The status was right, but the body is too small to be what was asked for.
    case shortAnswer(request: String, expectedBytes: Int, bytes: Int)
    case malformedAnswer(String)
    case connectionClosed(request: String)
    /// Requests that were under way at the end of a row were not answered in time.
    case noAnswer(seconds: Double)
    /// The server did not become ready; `log` is the end of what it said.
    case serverNotReady(reason: String, log: String)
    case seeding(String)
    case system(call: String, reason: String)
    case interrupted

    public var description: String {
        switch self {
        case .unexpectedAnswer(let request, let expected, let status, let text):
            "\(request): expected \(expected), answered \(status): \(text)"
        case .shortAnswer(let request, let expected, let bytes):
            "\(request): expected at least \(expected) bytes, answered with \(bytes)"
        case .malformedAnswer(let reason): "the answer is not HTTP as expected: \(reason)"
        case .connectionClosed(let request): "\(request): the server closed the connection"
        case .noAnswer(let seconds): "requests were not answered within \(seconds) s"
        case .serverNotReady(let reason, let log): "the server did not start: \(reason)\n\(log)"
        case .seeding(let reason): "seeding failed: \(reason)"
        case .system(let call, let reason): "\(call) failed: \(reason)"
        case .interrupted: "interrupted"
        }
    }
}
