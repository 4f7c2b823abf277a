import Foundation
import ParleyModel

/// A JWT in its compact form (RFC 7515, section 3.1), taken apart and not yet believed.
struct CompactToken {
    let header: JSONObject
    let claims: JSONObject
    /// What the signature is of.
    let signed: [UInt8]
    let signature: [UInt8]

    init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let claims = Self.object(parts[1]),
            let signature = Self.bytes(parts[2])
        else { return nil }
        self.header = header
        self.claims = claims
        self.signature = signature
        signed = Array((parts[0] + "." + parts[1]).utf8)
    }

    private static func object(_ part: some StringProtocol) -> JSONObject? {
        guard let bytes = bytes(part), case .object(let object)? = try? JSONParser.parse(bytes) else { return nil }
        return object
    }

    /// Base64url without padding: whoever sends padding is refused.
    private static func bytes(_ part: some StringProtocol) -> [UInt8]? {
        guard !part.contains("=") else { return nil }
        var standard = part.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        standard += String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        return Data(base64Encoded: standard).map { Array($0) }
    }
}

extension JSONObject {
    func text(_ name: String) -> String? {
        if case .string(let text)? = self[name] { text } else { nil }
    }

    func whole(_ name: String) -> Int64? {
        if case .integer(let number)? = self[name] { number } else { nil }
    }

    func child(_ name: String) -> JSONObject? {
        if case .object(let object)? = self[name] { object } else { nil }
    }
}
