/// Whether a text has the form that a field asks for. Each is a pattern of openapi.yaml; the forms are ASCII, so bytes
/// are compared.
enum TextForm {
    /// `^https?://[A-Za-z0-9._-]+(:[0-9]{1,5})?([/?#][!#-;=?-\[\]_a-z~]*)?$`: a host without a user's name, perhaps a
    /// port, then RFC 3986's characters, none of which could end an attribute or a line.
    static func isWebAddress(_ text: String, schemes: [String] = ["https", "http"]) -> Bool {
        var rest = text.utf8[...]
        guard schemes.contains(where: { rest.skip($0 + "://") }) else { return false }
        guard rest.skip(while: isHost) > 0 else { return false }
        if rest.skip(":") {
            guard (1...5).contains(rest.skip(while: isDigit)) else { return false }
        }
        guard let mark = rest.first else { return true }
        return "/?#".utf8.contains(mark) && rest.allSatisfy(isInAddress)
    }

    /// `^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(;[ -~]*)?$`: RFC 6838's names, then parameters.
    static func isContentType(_ text: String) -> Bool {
        var rest = text.utf8[...]
        guard rest.skip(while: isInMediaType) > 0, rest.skip("/"), rest.skip(while: isInMediaType) > 0 else { return false }
        return rest.isEmpty || rest.first == UInt8(ascii: ";") && rest.allSatisfy { (0x20...0x7E).contains($0) }
    }

    /// So many digits of base64url (RFC 4648, section 5), and their padding or none.
    static func isBase64URL(_ text: String, digits: Int, padding: String) -> Bool {
        var rest = text.utf8[...]
        guard rest.skip(while: isBase64URLDigit) == digits else { return false }
        return rest.isEmpty || rest.skip(padding) && rest.isEmpty
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isHost(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "._-".utf8.contains(byte) }

    private static func isInAddress(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) && !#""<>\^`{|}"#.utf8.contains(byte) }

    private static func isInMediaType(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "!#$&^_.+-".utf8.contains(byte) }

    private static func isBase64URLDigit(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || "-_".utf8.contains(byte) }
}

extension Substring.UTF8View {
    /// Drops the prefix and says whether it was there.
    fileprivate mutating func skip(_ prefix: String) -> Bool {
        guard starts(with: prefix.utf8) else { return false }
        self = dropFirst(prefix.utf8.count)
        return true
    }

    /// Drops the bytes at the front that have the property and counts them.
    fileprivate mutating func skip(while property: (UInt8) -> Bool) -> Int {
        let length = prefix(while: property).count
        self = dropFirst(length)
        return length
    }
}
