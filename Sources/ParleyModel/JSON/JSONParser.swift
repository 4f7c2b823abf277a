/// A strict reader of JSON (RFC 8259) for texts that strangers send.
///
/// Stricter than the common decoders on purpose: a name may stand only once in an object (two readers that disagree on
/// which one counts are a way past a check), nesting is bounded, strings hold valid Unicode (no lone surrogates), and
/// nothing may follow the value. Time and memory grow with the text's length only.
public struct JSONParser {
    /// How deep arrays and objects may be nested.
    public static let defaultMaxDepth = 32

    public static func parse(_ text: some Collection<UInt8>, maxDepth: Int = defaultMaxDepth) throws(JSONSyntaxError) -> JSONValue {
        let bytes = Array(text)
        let result: Result<JSONValue, JSONSyntaxError> = bytes.withUnsafeBufferPointer { buffer in
            do throws(JSONSyntaxError) {
                var parser = JSONParser(bytes: buffer, maxDepth: maxDepth)
                return .success(try parser.document())
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    private let bytes: UnsafeBufferPointer<UInt8>
    private let maxDepth: Int
    private var place = 0

    private init(bytes: UnsafeBufferPointer<UInt8>, maxDepth: Int) {
        self.bytes = bytes
        self.maxDepth = maxDepth
    }

    private mutating func document() throws(JSONSyntaxError) -> JSONValue {
        guard isValidUTF8(bytes) else { throw .invalidUTF8 }
        let value = try value(depth: 0)
        skipSpace()
        guard place == bytes.count else { throw malformed("the end of the text") }
        return value
    }

    private func malformed(_ expected: String) -> JSONSyntaxError {
        .malformed(offset: place, expected: expected)
    }

    private var next: UInt8? {
        place < bytes.count ? bytes[place] : nil
    }

    private mutating func skipSpace() {
        while place < bytes.count {
            switch bytes[place] {
            case 0x20, 0x09, 0x0A, 0x0D: place += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(JSONSyntaxError) -> JSONValue {
        skipSpace()
        switch next {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case let byte? where byte == UInt8(ascii: "-") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte):
            return try number()
        default: throw malformed("a value")
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSONValue) throws(JSONSyntaxError) -> JSONValue {
        let count = text.utf8CodeUnitCount
        guard place + count <= bytes.count else { throw malformed("a value") }
        for offset in 0..<count where bytes[place + offset] != text.utf8Start[offset] { throw malformed("a value") }
        place += count
        return value
    }

    private mutating func object(depth: Int) throws(JSONSyntaxError) -> JSONObject {
        guard depth <= maxDepth else { throw .tooDeep(limit: maxDepth) }
        place += 1
        var members: [(name: String, value: JSONValue)] = []
        var names = UniqueNames()
        skipSpace()
        if next == UInt8(ascii: "}") {
            place += 1
            return JSONObject(members: [])
        }
        while true {
            skipSpace()
            guard next == UInt8(ascii: "\"") else { throw malformed("a name in quotes") }
            let name = try string()
            guard names.insert(name, among: members) else { throw .duplicateName(name) }
            skipSpace()
            guard next == UInt8(ascii: ":") else { throw malformed("':'") }
            place += 1
            members.append((name, try value(depth: depth)))
            skipSpace()
            switch next {
            case UInt8(ascii: ","): place += 1
            case UInt8(ascii: "}"):
                place += 1
                return JSONObject(members: members)
            default: throw malformed("',' or '}'")
            }
        }
    }

    private mutating func array(depth: Int) throws(JSONSyntaxError) -> [JSONValue] {
        guard depth <= maxDepth else { throw .tooDeep(limit: maxDepth) }
        place += 1
        var elements: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            place += 1
            return []
        }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            switch next {
            case UInt8(ascii: ","): place += 1
            case UInt8(ascii: "]"):
                place += 1
                return elements
            default: throw malformed("',' or ']'")
            }
        }
    }

    private mutating func string() throws(JSONSyntaxError) -> String {
        place += 1
        let start = place
        while place < bytes.count {
            switch bytes[place] {
            case UInt8(ascii: "\""):
                // No escape in it, the usual case: one copy.
                let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<place]), as: UTF8.self)
                place += 1
                return text
            case UInt8(ascii: "\\"):
                return try escapedString(from: start)
            case 0..<0x20:
                throw malformed("no control character in a string")
            default:
                place += 1
            }
        }
        throw malformed("the end of the string")
    }

    private mutating func escapedString(from start: Int) throws(JSONSyntaxError) -> String {
        var text = Array(bytes[start..<place])
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): try escape(into: &text)
            case 0..<0x20:
                place -= 1
                throw malformed("no control character in a string")
            default: text.append(byte)
            }
        }
        throw malformed("the end of the string")
    }

    private mutating func escape(into text: inout [UInt8]) throws(JSONSyntaxError) {
        guard let byte = next else { throw malformed("an escape") }
        place += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(Character(try unicodeEscape())).utf8)
        default: throw malformed("an escape")
        }
    }

    private mutating func unicodeEscape() throws(JSONSyntaxError) -> Unicode.Scalar {
        let first = try fourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, next == UInt8(ascii: "\\") else { throw malformed("the other half of a surrogate pair") }
        place += 1
        guard next == UInt8(ascii: "u") else { throw malformed("the other half of a surrogate pair") }
        place += 1
        let second = try fourHexDigits()
        guard (0xDC00...0xDFFF).contains(second), let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw malformed("the other half of a surrogate pair") }
        return scalar
    }

    private mutating func fourHexDigits() throws(JSONSyntaxError) -> UInt32 {
        guard place + 4 <= bytes.count else { throw malformed("four hex digits") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Hex.value(of: bytes[place]) else { throw malformed("four hex digits") }
            value = value << 4 | UInt32(digit)
            place += 1
        }
        return value
    }

    private mutating func number() throws(JSONSyntaxError) -> JSONValue {
        let start = place
        if next == UInt8(ascii: "-") { place += 1 }
        if next == UInt8(ascii: "0") { place += 1 } else { try digits() }
        var isWhole = true
        if next == UInt8(ascii: ".") {
            isWhole = false
            place += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            place += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { place += 1 }
            try digits()
        }
        let text = String(decoding: UnsafeBufferPointer(rebasing: bytes[start..<place]), as: UTF8.self)
        if isWhole, let value = Int64(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw malformed("a number that fits") }
        return Int64(exactly: value).map(JSONValue.integer) ?? .number(value)
    }

    private mutating func digits() throws(JSONSyntaxError) {
        let start = place
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { place += 1 }
        guard place > start else { throw malformed("a digit") }
    }
}

/// Finds a repeated name: by walking while there are few, by a set from then on, so that a body of thousands of names
/// costs no more than its length.
private struct UniqueNames {
    private static let walkLimit = 12
    private var seen: Set<String>?

    mutating func insert(_ name: String, among members: [(name: String, value: JSONValue)]) -> Bool {
        if seen != nil { return seen!.insert(name).inserted }
        if members.contains(where: { $0.name == name }) { return false }
        if members.count == Self.walkLimit {
            seen = Set(members.map(\.name))
            seen!.insert(name)
        }
        return true
    }
}

/// Whether the bytes are well-formed UTF-8. Runs of ASCII, nearly everything, are passed eight bytes at a time.
func isValidUTF8(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    var place = 0
    let raw = UnsafeRawBufferPointer(bytes)
    while place + 8 <= bytes.count, raw.loadUnaligned(fromByteOffset: place, as: UInt64.self) & 0x8080_8080_8080_8080 == 0 {
        place += 8
    }
    if place == bytes.count { return true }
    return String(validating: UnsafeBufferPointer(rebasing: bytes[place...]), as: UTF8.self) != nil
}
