/// A request as it arrived.
public struct StandInRequest: Sendable {
    public let method: String
    public let path: String
    /// Names in lower case, in their order, without the pseudo header fields.
    public let fields: [(name: String, value: String)]
    public let body: [UInt8]

    /// The first one of that name.
    public func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// Nil also when it stands there more than once.
    func onlyField(_ name: String) -> String? { count(of: name) == 1 ? field(name) : nil }

    func count(of name: String) -> Int { fields.reduce(0) { $0 + ($1.name == name ? 1 : 0) } }
}

public struct StandInReply: Sendable {
    public let status: Int
    public let fields: [(name: String, value: String)]
    public let body: [UInt8]

    public init(status: Int, fields: [(name: String, value: String)] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// What a stand-in does with a request that it has nothing against.
public enum StandInBehaviour: Sendable {
    case reply(StandInReply)
    /// Never answers, and leaves the stream open.
    case silence
    /// Ends the stream with RST_STREAM and this error code of HTTP/2.
    case resetStream(code: Int)
    /// Says GOAWAY, taking no stream, and closes the connection.
    case goAway
    /// Closes the connection without a word.
    case closeConnection
}
