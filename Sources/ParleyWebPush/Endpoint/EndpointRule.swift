public import ParleyModel

/// Which endpoints this deployment sends to.
///
/// A user may name any endpoint, and the server will call it: without a rule, that would let them reach what only the server
/// reaches (server-side request forgery). So an endpoint is a name in the public name space, over TLS, on the usual port. What
/// the name stands for is looked at before connecting, and again once connected: see ``HostCheck`` and ``PushConnections``.
public struct EndpointRule: Sendable, Equatable {
    /// For tests and stand-ins: also names and addresses of this machine and its network, on any port, and there without TLS.
    public let allowsPrivate: Bool
    /// Hosts that are sent to, in lower case; `*.example.com` is all below example.com. Empty: any.
    public let allowedHosts: [String]

    public init(allowsPrivate: Bool = false, allowedHosts: [String] = []) {
        self.allowsPrivate = allowsPrivate
        self.allowedHosts = allowedHosts.map { $0.lowercased() }
    }

    /// Whether it can be one of ``allowedHosts``: letters, digits, dots, hyphens and underscores, perhaps after `*.`.
    public static func isHostPattern(_ text: String) -> Bool {
        let host = text.hasPrefix("*.") ? text.dropFirst(2) : text[...]
        return PushEndpoint("https://\(host)/").map { $0.host == host.lowercased() } ?? false
    }

    /// What is wrong with a subscription, for whoever registers it; the name is not looked up.
    public func check(_ subscription: WebPushSubscription) throws(ParleyError) {
        do throws(SubscriptionKeys.Fault) { _ = try SubscriptionKeys(subscription) } catch {
            throw ParleyError(.invalidField, "\(error.field) \(error.complaint)")
        }
        let complaint = PushEndpoint(subscription.endpoint).map(complaint(about:)) ?? "must be an https address"
        if let complaint { throw ParleyError(.invalidField, "endpoint \(complaint)") }
    }

    /// Nil when nothing is wrong.
    func complaint(about endpoint: PushEndpoint) -> String? {
        let host = endpoint.host
        guard allowedHosts.isEmpty || allowedHosts.contains(where: { Self.covers($0, host) }) else {
            return "is at no push service that this server sends to"
        }
        if allowsPrivate {
            return endpoint.isEncrypted || Self.isLoopback(host) ? nil : "must be an https address"
        }
        guard endpoint.isEncrypted else { return "must be an https address" }
        guard !Self.isNumeric(host) else { return "must name a host, and not a network address" }
        guard Self.isPublicName(host) else { return "must be at a push service in the public internet" }
        guard endpoint.isOnDefaultPort else { return "must be on the port 443" }
        return nil
    }

    private static func covers(_ pattern: String, _ host: String) -> Bool {
        pattern.hasPrefix("*.") ? host.hasSuffix(pattern.dropFirst()) : host == pattern
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || IPAddress(host).map(\.isLoopback) ?? false
    }

    /// Every form that resolvers read as an IPv4 address (`127.1`, `0x7f000001`, `2130706433`) ends with a number.
    private static func isNumeric(_ host: String) -> Bool {
        guard let last = host.split(separator: ".").last else { return true }
        return last.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } || last.hasPrefix("0x")
    }

    /// Names that only mean something on a machine or in a network (RFC 6761, 6762, 8375, and `internal`).
    private static let privateSuffixes = [".localhost", ".local", ".internal", ".home.arpa"]

    private static func isPublicName(_ host: String) -> Bool {
        let labels = host.split(separator: ".", omittingEmptySubsequences: false)
        return labels.count > 1 && !labels.contains("") && !privateSuffixes.contains { host.hasSuffix($0) }
    }
}
