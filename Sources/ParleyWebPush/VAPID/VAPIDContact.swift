/// How a push service reaches whoever runs this deployment: a `mailto:` or `https:` address. Nothing in Parley reads it.
public struct VAPIDContact: Sendable, Equatable {
    let text: String

    /// Nil when it is something else, or an address that nobody can be reached at, which Apple's push service refuses.
    public init?(_ text: String) {
        let isPlain = text.utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "\\") }
        guard isPlain, text.utf8.count <= 255, !text.contains("<"), !text.contains("localhost") else { return nil }
        if text.hasPrefix("mailto:") {
            let parts = text.dropFirst("mailto:".count).split(separator: "@", omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty, parts[1].contains(".") else { return nil }
        } else {
            guard text.hasPrefix("https://"), text.dropFirst("https://".count).prefix(while: { $0 != "/" }).contains(".") else {
                return nil
            }
        }
        self.text = text
    }
}
