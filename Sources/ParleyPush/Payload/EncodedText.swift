/// Texts measured as they stand in JSON, without the quotes around them: push services count the bytes of all.
public enum EncodedText {
    private static let ellipsis = "…"

    public static func byteCount(_ text: some Sequence<UInt8>) -> Int {
        text.reduce(0) { $0 + byteCount($1) }
    }

    /// As ``JSONWriter`` writes it.
    private static func byteCount(_ byte: UInt8) -> Int {
        switch byte {
        case 0x0A, 0x0D, 0x09, UInt8(ascii: "\""), UInt8(ascii: "\\"): 2
        case 0..<0x20: 6
        default: 1
        }
    }

    /// The text if it fits into so many bytes, else its beginning and an ellipsis: whole characters as people see them, never
    /// half of an emoji. Nothing at all where even the ellipsis does not fit.
    public static func cut(_ text: String, toBytes limit: Int) -> String {
        if byteCount(text.utf8) <= limit { return text }
        var rest = limit - ellipsis.utf8.count
        guard rest >= 0 else { return "" }
        var end = text.startIndex
        while end < text.endIndex {
            let next = text.index(after: end)
            rest -= byteCount(text[end..<next].utf8)
            if rest < 0 { break }
            end = next
        }
        return text[..<end] + ellipsis
    }
}
