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
    /// A socket received a message twice, or not the next one.
    case wrongMessage(socket: Int, expected: Int64, received: Int64)
    case refusedCommand(String)
    /// The server closed a socket; its code and sentence.
    case socketClosed(String)
    case notInTime(missing: String, seconds: Double)
    /// The process may not have as many files open as the sockets need.
    case tooFewOpenFiles(needed: Int, limit: Int)
    case system(call: String, reason: String)
    /// A push service refused a notification, or what both sides have counted differs.
    case notAccepted(String)
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
        case .wrongMessage(let socket, let expected, let received):
            "socket \(socket) received message \(received) of its conversation instead of \(expected)"
        case .refusedCommand(let text): "a command over a socket was refused: \(text)"
        case .socketClosed(let reason): "the server closed a socket: \(reason)"
        case .notInTime(let missing, let seconds): "after \(seconds) s \(missing)"
        case .tooFewOpenFiles(let needed, let limit):
            """
            the rows of sockets need \(needed) open files in this process and as many in the server, but the limit is \(limit); \
            raise it (ulimit -n, LimitNOFILE), or measure the other rows alone with --only creates
            """
        case .system(let call, let reason): "\(call) failed: \(reason)"
        case .notAccepted(let reason): "not everything was accepted by the stand-ins for push services: \(reason)"
        case .interrupted: "interrupted"
        }
    }
}
