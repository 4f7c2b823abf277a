/// Where a RabbitMQ broker is and how to log in: `amqp://user:password@host[:port][/vhost]`, as in RabbitMQ's URI
/// specification (https://www.rabbitmq.com/docs/uri-spec). User, password and virtual host are percent-encoded.
///
/// With `amqps://` the connection is encrypted, and the broker must show a certificate for the host's name (an address
/// will not do) that an authority vouches for: one of Debian's bundle, or of the file that `?cacertfile=/path` names
/// (https://www.rabbitmq.com/docs/uri-query-parameters).
///
/// Its description leaves user and password out, so that it can stand in logs.
public struct AMQPURL: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible {
    public static let defaultPort = 5672
    public static let defaultEncryptedPort = 5671
    /// Debian's bundle of authorities.
    public static let defaultAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// A name or an address; an IPv6 address without its brackets.
    public let host: String
    public let port: Int
    /// `guest` when the URL names none.
    public let user: String
    public let password: String
    /// `/` when the URL names none, or an empty one.
    public let virtualHost: String
    /// The file of the authorities that may vouch for the broker, as PEM; nil for a connection that is not encrypted.
    public let authorities: String?

    public init(
        host: String, port: Int = defaultPort, user: String = "guest", password: String = "guest", virtualHost: String = "/",
        authorities: String? = nil
    ) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.virtualHost = virtualHost
        self.authorities = authorities
    }

    public init(_ text: String) throws(AMQPURLError) {
        let (isEncrypted, rest) = try Self.withoutScheme(text)
        // The last @ ends the password, in case somebody did not encode one in it.
        let at = rest.lastIndex(of: "@")
        var place = at.map { rest[rest.index(after: $0)...] } ?? rest
        authorities = try Self.authorities(&place, isEncrypted)
        let slash = place.firstIndex(of: "/") ?? place.endIndex
        (user, password) = try Self.login(at.map { rest[..<$0] })
        (host, port) = try Self.address(place[..<slash], isEncrypted ? Self.defaultEncryptedPort : Self.defaultPort)
        virtualHost = try Self.virtualHost(place[slash...].dropFirst())
    }

    private static func withoutScheme(_ text: String) throws(AMQPURLError) -> (isEncrypted: Bool, Substring) {
        guard let end = text.firstRange(of: "://") else { throw .invalid("must begin with amqp:// or amqps://") }
        let rest = text[end.upperBound...]
        guard !rest.contains("#") else { throw .invalid("has a #; write it as %23") }
        switch text[..<end.lowerBound].lowercased() {
        case "amqp": return (false, rest)
        case "amqps": return (true, rest)
        default: throw .invalid("must begin with amqp:// or amqps://")
        }
    }

    /// Takes the query off the end.
    private static func authorities(_ place: inout Substring, _ isEncrypted: Bool) throws(AMQPURLError) -> String? {
        guard let mark = place.firstIndex(of: "?") else { return isEncrypted ? defaultAuthorities : nil }
        let query = place[mark...].dropFirst()
        place = place[..<mark]
        let name = "cacertfile="
        guard query.hasPrefix(name), let file = decoded(query.dropFirst(name.count)), !file.isEmpty, !query.contains("&") else {
            throw .invalid("has a ? that is not followed by cacertfile=/path alone; elsewhere write it as %3F")
        }
        guard isEncrypted else { throw .invalid("names a cacertfile, which goes with amqps:// only") }
        return file
    }

    private static func login(_ text: Substring?) throws(AMQPURLError) -> (user: String, password: String) {
        guard let text else { return ("guest", "guest") }
        guard let colon = text.firstIndex(of: ":") else { throw .invalid("names a user without a password (user:password@)") }
        guard let user = decoded(text[..<colon]), let password = decoded(text[text.index(after: colon)...]) else {
            throw .invalid("has a % in user or password that is not followed by two hex digits")
        }
        guard !user.isEmpty else { throw .invalid("has a password without a user (user:password@)") }
        return (user, password)
    }

    private static func address(_ text: Substring, _ defaultPort: Int) throws(AMQPURLError) -> (host: String, port: Int) {
        var (host, rest) = (text, Substring())
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw .invalid("has a [ without a ]") }
            (host, rest) = (text[..<end].dropFirst(), text[end...].dropFirst())
        } else if let colon = text.firstIndex(of: ":") {
            (host, rest) = (text[..<colon], text[colon...])
        }
        guard !host.isEmpty else { throw .invalid("names no host") }
        guard !rest.isEmpty else { return (String(host), defaultPort) }
        guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65_535).contains(port) else {
            throw .invalid("has a port that is not a number from 1 to 65535")
        }
        return (String(host), port)
    }

    private static func virtualHost(_ text: Substring) throws(AMQPURLError) -> String {
        guard !text.contains("/") else { throw .invalid("has a / in its virtual host; write it as %2F") }
        guard let name = decoded(text) else { throw .invalid("has a % in its virtual host that is not followed by two hex digits") }
        return name.isEmpty ? "/" : name
    }

    /// Nil when the text has a `%` without two hex digits, is not UTF-8, or holds a zero, which no C string can.
    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = text.utf8
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else { return nil }
            bytes.append(high << 4 | low)
        }
        return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.flatMap(UInt8.init)
    }

    /// `host:port`, for errors and logs.
    var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public var description: String {
        "\(authorities == nil ? "amqp" : "amqps")://\(address)/\(virtualHost == "/" ? "" : virtualHost)"
    }
    public var debugDescription: String { description }
}

/// Why a text is no ``AMQPURL``. Its description is a sentence for the operator, and repeats nothing of the text: a password
/// may stand anywhere in what somebody mistyped.
public enum AMQPURLError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, to follow "the RabbitMQ URL".
    case invalid(String)

    public var description: String {
        switch self {
        case .invalid(let reason): "the RabbitMQ URL \(reason); it looks like amqp://user:password@host:5672/vhost"
        }
    }
}
