/// Where a browser's push service takes notifications, taken apart.
///
/// Endpoints come from users. So this reads one form only, in which no two readers can see two different hosts: a scheme, a
/// host of letters, digits, dots, hyphens and underscores, perhaps a port, then a path.
struct PushEndpoint: Sendable, Equatable {
    let url: String
    let isEncrypted: Bool
    /// In lower case.
    let host: String
    let port: Int

    /// The audience of tokens (RFC 6454, section 6.2), and what requests are counted by.
    var origin: String {
        let scheme = isEncrypted ? "https" : "http"
        return port == defaultPort ? "\(scheme)://\(host)" : "\(scheme)://\(host):\(port)"
    }

    var isOnDefaultPort: Bool { port == defaultPort }
    private var defaultPort: Int { isEncrypted ? 443 : 80 }

    init?(_ url: String) {
        let isEncrypted = url.hasPrefix("https://")
        guard isEncrypted || url.hasPrefix("http://"), url.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\\") })
        else { return nil }
        let rest = url.dropFirst(isEncrypted ? 8 : 7)
        let authority = rest.prefix { !"/?#".contains($0) }
        let parts = authority.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let host = parts[0].lowercased()
        guard !host.isEmpty, host.utf8.count <= 253, host.utf8.allSatisfy(Self.isInHost) else { return nil }
        var port = isEncrypted ? 443 : 80
        if parts.count == 2 {
            guard (1...5).contains(parts[1].utf8.count), parts[1].utf8.allSatisfy(Self.isDigit), let number = Int(parts[1]),
                (1...65_535).contains(number)
            else { return nil }
            port = number
        }
        self.url = url
        self.isEncrypted = isEncrypted
        self.host = host
        self.port = port
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isInHost(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || "._-".utf8.contains(byte)
    }
}
