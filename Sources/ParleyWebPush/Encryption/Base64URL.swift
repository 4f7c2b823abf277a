package import Foundation

/// Base64 with `-` and `_`, and without padding (RFC 4648, section 5): the form of everything in Web Push.
package enum Base64URL {
    package static func encode(_ bytes: some DataProtocol) -> String {
        Data(bytes).base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Nil when it is something else. Padding may be there.
    package static func decode(_ text: some StringProtocol) -> [UInt8]? {
        let digits = text.utf8.reversed().drop(while: { $0 == UInt8(ascii: "=") }).count
        guard digits % 4 != 1, text.utf8.count - digits <= 2,
            !text.utf8.contains(where: { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "/") })
        else { return nil }
        let standard = String(text).prefix(digits).replacing("-", with: "+").replacing("_", with: "/")
        return Data(base64Encoded: standard + String(repeating: "=", count: (4 - digits % 4) % 4)).map { [UInt8]($0) }
    }
}
