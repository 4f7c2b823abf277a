/// Which web pages may open sockets (RFC 6455, section 10.2). Programs send no `Origin` and are let in; a page is let in
/// when it came from this server, or from an origin on the list.
public struct OriginRule: Sendable {
    private let allowed: Set<String>
    private let allowsAll: Bool

    /// Origins as browsers write them, `https://chat.example.com`; `*` allows all.
    public init(allowed: [String]) {
        self.allowed = Set(allowed.map { $0.lowercased() })
        allowsAll = allowed.contains("*")
    }

    /// `host` is the request's own, with its port if it names one.
    public func allows(origin: String?, host: String?) -> Bool {
        guard let origin = origin?.lowercased(), !allowsAll else { return true }
        if allowed.contains(origin) { return true }
        guard let host = host?.lowercased() else { return false }
        return origin == "http://\(host)" || origin == "https://\(host)"
    }
}
