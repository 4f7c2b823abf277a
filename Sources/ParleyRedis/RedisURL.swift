/// Where a Redis server is and how to log in: `redis://[user[:password]]@host[:port][/database]`, as in the registration of the
/// scheme (https://www.iana.org/assignments/uri-schemes/prov/redis). User and password are percent-encoded.
///
/// Its description leaves user and password out, so that it can stand in logs.
public struct RedisURL: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    public static let defaultPort = 6379

    /// A name or an address; an IPv6 address without its brackets.
    public let host: String
    public let port: Int
    /// Nil for the server's default user.
    public let user: String?
    /// Nil where the server asks for none.
    public let password: String?
    public let database: Int

    public init(host: String, port: Int = defaultPort, user: String? = nil, password: String? = nil, database: Int = 0) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
    }

    public init(_ text: String) throws(RedisURLError) {
        let rest = try Self.withoutScheme(text)
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else { throw .invalid("has a ? or #; write them as %3F and %23") }
        // The last @ ends the password, in case somebody did not encode one in it.
        let at = rest.lastIndex(of: "@")
        let place = at.map { rest[rest.index(after: $0)...] } ?? rest
        let slash = place.firstIndex(of: "/") ?? place.endIndex
        (user, password) = try Self.login(at.map { rest[..<$0] })
        (host, port) = try Self.address(place[..<slash])
        database = try Self.database(place[slash...].dropFirst())
    }

    private static func withoutScheme(_ text: String) throws(RedisURLError) -> Substring {
        guard let end = text.firstRange(of: "://") else { throw .invalid("must begin with redis://") }
        switch text[..<end.lowerBound].lowercased() {
        case "redis": return text[end.upperBound...]
        case "rediss": throw .encrypted
        default: throw .invalid("must begin with redis://")
        }
    }

    private static func login(_ text: Substring?) throws(RedisURLError) -> (user: String?, password: String?) {
        guard let text else { return (nil, nil) }
        guard let colon = text.firstIndex(of: ":") else { throw .invalid("names a user without a password (user:password@)") }
        guard let user = decoded(text[..<colon]), let password = decoded(text[text.index(after: colon)...]) else {
            throw .invalid("has a % in user or password that is not followed by two hex digits")
        }
        guard !password.isEmpty else { throw .invalid("has an empty password") }
        return (user.isEmpty ? nil : user, password)
    }

    private static func address(_ text: Substring) throws(RedisURLError) -> (host: String, port: Int) {
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

    private static func database(_ text: Substring) throws(RedisURLError) -> Int {
        guard !text.isEmpty else { return 0 }
        guard let number = Int(text), (0...65_535).contains(number) else {
            throw .invalid("has a database (after the host, behind a /) that is not a number from 0")
        }
        return number
    }

    /// Nil when the text has a `%` without two hex digits, or is not UTF-8.
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
        return String(validating: bytes, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.flatMap(UInt8.init)
    }

    /// `host:port`, for errors and logs.
    var address: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    public var description: String { "redis://\(address)/\(database)" }
    public var debugDescription: String { description }
    public var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port, "database": database]) }
}

/// Why a text is no ``RedisURL``. Its description is a sentence for the operator, and repeats nothing of the text: a
/// password may stand anywhere in what somebody mistyped.
public enum RedisURLError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, to follow "the Redis URL".
    case invalid(String)
    /// TLS was asked for.
    case encrypted

    public var description: String {
        switch self {
        case .invalid(let reason): "the Redis URL \(reason); it looks like redis://user:password@host:6379/0"
        case .encrypted:
            """
            the Redis URL begins with rediss://, but Debian 12's hiredis (0.14) comes without TLS; use redis:// in a private network, \
            or through a TLS tunnel such as stunnel
            """
        }
    }
}
