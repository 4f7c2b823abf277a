/// Where a server is: the base URL, taken apart.
struct ServerAddress: Sendable, Equatable {
    let isSecure: Bool
    let host: String
    let port: Int
    /// Empty, or with a slash in front and none behind.
    let path: String

    /// Reads `http://host[:port][/path]` or `https://…`; an IPv6 address stands in brackets.
    init(_ text: String) throws(ClientError) {
        let isSecure = text.hasPrefix("https://")
        guard isSecure || text.hasPrefix("http://") else { throw .invalidAddress(text) }
        let rest = text.dropFirst(isSecure ? 8 : 7)
        let authority = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(authority.count)
        guard !authority.isEmpty, !rest.contains(where: { $0 == "?" || $0 == "#" || $0 == "@" || $0.isWhitespace }),
            let (host, port) = Self.split(authority, defaultPort: isSecure ? 443 : 80)
        else { throw .invalidAddress(text) }
        self.isSecure = isSecure
        self.host = host
        self.port = port
        self.path = path.hasSuffix("/") ? String(path.dropLast()) : String(path)
    }

    private static func split(_ authority: Substring, defaultPort: Int) -> (String, Int)? {
        var host = authority
        var port = defaultPort
        if let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") {
            guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else { return nil }
            port = Int(number)
            host = authority[..<colon]
        }
        if host.hasPrefix("["), host.hasSuffix("]") { host = host.dropFirst().dropLast() } else if host.contains(":") { return nil }
        return host.isEmpty ? nil : (String(host), port)
    }

    /// The `Host` header's value.
    var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    /// The URL of a path below the base.
    func url(_ path: String) -> String { "\(isSecure ? "https" : "http")://\(authority)\(self.path)\(path)" }
}
