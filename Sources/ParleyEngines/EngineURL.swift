/// What the URLs of engines have in common. Errors repeat nothing of the text: a password may stand anywhere in what somebody
/// mistyped.
public enum EngineURL {
    /// What is wrong with a URL.
    public struct Problem: Error, Equatable {
        /// To follow "the … URL".
        public let reason: String

        /// - Parameter reason: Repeats nothing of the URL.
        public init(reason: String) {
            self.reason = reason
        }
    }

    /// Reads `host`, `host:port`, `[address]` or `[address]:port`; an IPv6 address comes without its brackets.
    public static func address(_ text: Substring, defaultPort: Int) throws(Problem) -> (host: String, port: Int) {
        var (host, rest) = (text, Substring())
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { throw Problem(reason: "has a [ without a ]") }
            (host, rest) = (text[..<end].dropFirst(), text[end...].dropFirst())
        } else if let colon = text.firstIndex(of: ":") {
            (host, rest) = (text[..<colon], text[colon...])
        }
        guard !host.isEmpty else { throw Problem(reason: "names no host") }
        guard !rest.isEmpty else { return (String(host), defaultPort) }
        guard rest.first == ":", let port = Int(rest.dropFirst()), (1...65_535).contains(port) else {
            throw Problem(reason: "has a port that is not a number from 1 to 65535")
        }
        return (String(host), port)
    }

    /// The reverse of ``address(_:defaultPort:)``, always with the port.
    public static func address(host: String, port: Int) -> String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// Reads `user:password`, each percent-encoded; the user may be empty.
    public static func login(_ text: Substring) throws(Problem) -> (user: String, password: String) {
        guard let colon = text.firstIndex(of: ":") else { throw Problem(reason: "names a user without a password (user:password@)") }
        guard let user = percentDecoded(text[..<colon]), let password = percentDecoded(text[text.index(after: colon)...]) else {
            throw Problem(reason: "has a % in user or password that is not followed by two hex digits")
        }
        return (user, password)
    }

    /// Nil when the text has a `%` without two hex digits, is not UTF-8, or holds a zero, which no C string can.
    public static func percentDecoded(_ text: Substring) -> String? {
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
}
