import ParleyEngines

/// Where a Redis server is and how to log in: `redis://[user[:password]]@host[:port][/database]`, as in the registration of the
/// scheme (https://www.iana.org/assignments/uri-schemes/prov/redis). User and password are percent-encoded.
///
/// Its description leaves user and password out, so that it can stand in logs.
public struct RedisURL: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Where a URL names none.
    public static let defaultPort = 6379

    /// A name or an address; an IPv6 address without its brackets.
    public let host: String
    /// The server's port.
    public let port: Int
    /// Nil for the server's default user.
    public let user: String?
    /// Nil where the server asks for none.
    public let password: String?
    /// The number of the database, 0 where the URL names none.
    public let database: Int

    /// From its parts, as they are.
    public init(host: String, port: Int = defaultPort, user: String? = nil, password: String? = nil, database: Int = 0) {
        self.host = host
        self.port = port
        self.user = user
        self.password = password
        self.database = database
    }

    /// From the text of a URL.
    public init(_ text: String) throws(RedisURLError) {
        let rest = try Self.withoutScheme(text)
        guard !rest.contains(where: { $0 == "?" || $0 == "#" }) else { throw .invalid("has a ? or #; write them as %3F and %23") }
        // The last @ ends the password, in case somebody did not encode one in it.
        let at = rest.lastIndex(of: "@")
        let place = at.map { rest[rest.index(after: $0)...] } ?? rest
        let slash = place.firstIndex(of: "/") ?? place.endIndex
        do throws(EngineURL.Problem) {
            (user, password) = try Self.login(at.map { rest[..<$0] })
            (host, port) = try EngineURL.address(place[..<slash], defaultPort: Self.defaultPort)
        } catch {
            throw .invalid(error.reason)
        }
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

    private static func login(_ text: Substring?) throws(EngineURL.Problem) -> (user: String?, password: String?) {
        guard let text else { return (nil, nil) }
        let (user, password) = try EngineURL.login(text)
        guard !password.isEmpty else { throw EngineURL.Problem(reason: "has an empty password") }
        return (user.isEmpty ? nil : user, password)
    }

    private static func database(_ text: Substring) throws(RedisURLError) -> Int {
        guard !text.isEmpty else { return 0 }
        guard let number = Int(text), (0...65_535).contains(number) else {
            throw .invalid("has a database (after the host, behind a /) that is not a number from 0")
        }
        return number
    }

    /// `host:port`, for errors and logs.
    var address: String { EngineURL.address(host: host, port: port) }

    /// Without user and password.
    public var description: String { "redis://\(address)/\(database)" }
    /// As ``description``.
    public var debugDescription: String { description }
    /// For `dump`, which would otherwise look inside.
    public var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port, "database": database]) }
}

/// Why a text is no ``RedisURL``. Its description is a sentence for the operator, and repeats nothing of the text: a
/// password may stand anywhere in what somebody mistyped.
public enum RedisURLError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, to follow "the Redis URL".
    case invalid(String)
    /// TLS was asked for.
    case encrypted

    /// A sentence for the operator.
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
