import ParleyEngines

/// Where a RabbitMQ broker is and how to log in: `amqp://user:password@host[:port][/vhost]`, as in RabbitMQ's URI
/// specification (https://www.rabbitmq.com/docs/uri-spec). User, password and virtual host are percent-encoded.
///
/// With `amqps://` the connection is encrypted, and the broker must show a certificate for the host's name (an address
/// will not do) that an authority vouches for: one of Debian's bundle, or of the file that `?cacertfile=/path` names
/// (https://www.rabbitmq.com/docs/uri-query-parameters).
///
/// Its description leaves user and password out, so that it can stand in logs.
public struct AMQPURL: Sendable, Equatable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Of `amqp://`.
    public static let defaultPort = 5672
    /// Of `amqps://`.
    public static let defaultEncryptedPort = 5671
    /// Debian's bundle of authorities.
    public static let defaultAuthorities = "/etc/ssl/certs/ca-certificates.crt"

    /// A name or an address; an IPv6 address without its brackets.
    public let host: String
    /// The broker's port for AMQP.
    public let port: Int
    /// `guest` when the URL names none.
    public let user: String
    /// Of that user; in no description.
    public let password: String
    /// `/` when the URL names none, or an empty one.
    public let virtualHost: String
    /// The file of the authorities that may vouch for the broker, as PEM; nil for a connection that is not encrypted.
    public let authorities: String?

    /// From its parts, as they are.
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

    /// From the text of a URL.
    public init(_ text: String) throws(AMQPURLError) {
        let (isEncrypted, rest) = try Self.withoutScheme(text)
        // The last @ ends the password, in case somebody did not encode one in it.
        let at = rest.lastIndex(of: "@")
        var place = at.map { rest[rest.index(after: $0)...] } ?? rest
        authorities = try Self.authorities(&place, isEncrypted)
        let slash = place.firstIndex(of: "/") ?? place.endIndex
        do throws(EngineURL.Problem) {
            (user, password) = try Self.login(at.map { rest[..<$0] })
            (host, port) = try EngineURL.address(
                place[..<slash], defaultPort: isEncrypted ? Self.defaultEncryptedPort : Self.defaultPort)
        } catch {
            throw .invalid(error.reason)
        }
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
        guard query.hasPrefix(name), let file = EngineURL.percentDecoded(query.dropFirst(name.count)), !file.isEmpty, !query.contains("&")
        else {
            throw .invalid("has a ? that is not followed by cacertfile=/path alone; elsewhere write it as %3F")
        }
        guard isEncrypted else { throw .invalid("names a cacertfile, which goes with amqps:// only") }
        return file
    }

    private static func login(_ text: Substring?) throws(EngineURL.Problem) -> (user: String, password: String) {
        guard let text else { return ("guest", "guest") }
        let (user, password) = try EngineURL.login(text)
        guard !user.isEmpty else { throw EngineURL.Problem(reason: "has a password without a user (user:password@)") }
        return (user, password)
    }

    private static func virtualHost(_ text: Substring) throws(AMQPURLError) -> String {
        guard !text.contains("/") else { throw .invalid("has a / in its virtual host; write it as %2F") }
        guard let name = EngineURL.percentDecoded(text) else {
            throw .invalid("has a % in its virtual host that is not followed by two hex digits")
        }
        return name.isEmpty ? "/" : name
    }

    /// `host:port`, for errors and logs.
    var address: String { EngineURL.address(host: host, port: port) }

    /// Without user and password.
    public var description: String {
        "\(authorities == nil ? "amqp" : "amqps")://\(address)/\(virtualHost == "/" ? "" : virtualHost)"
    }
    /// As ``description``.
    public var debugDescription: String { description }
    /// For `dump`, which would otherwise look inside.
    public var customMirror: Mirror { Mirror(self, children: ["host": host, "port": port, "virtualHost": virtualHost]) }
}

/// Why a text is no ``AMQPURL``. Its description is a sentence for the operator, and repeats nothing of the text: a password
/// may stand anywhere in what somebody mistyped.
public enum AMQPURLError: Error, Equatable, CustomStringConvertible {
    /// What is wrong, to follow "the RabbitMQ URL".
    case invalid(String)

    /// A sentence for the operator.
    public var description: String {
        switch self {
        case .invalid(let reason): "the RabbitMQ URL \(reason); it looks like amqp://user:password@host:5672/vhost"
        }
    }
}
