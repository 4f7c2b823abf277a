import ParleyModel
import ParleyTesting
import Testing

private func parse(_ text: String) throws(JSONSyntaxError) -> JSONValue { try JSONParser.parse(text.utf8) }

private func object(_ members: (String, JSONValue)...) -> JSONValue {
    .object(JSONObject(members: members.map { (name: $0.0, value: $0.1) }))
}

struct JSONParserTests {
    static let valid: [(String, JSONValue)] = [
        ("null", .null), ("true", .bool(true)), ("false", .bool(false)), (" \t\r\n1 \t\r\n", .integer(1)),
        ("[]", .array([])), ("[ ]", .array([])), ("{}", object()), ("{ }", object()),
        ("[1,[2,[]],{}]", .array([.integer(1), .array([.integer(2), .array([])]), object()])),
        (#"{"a":1,"b":{"a":null}}"#, object(("a", .integer(1)), ("b", object(("a", .null))))),
        (#" { "a" : [ true , false ] } "#, object(("a", .array([.bool(true), .bool(false)])))),
        (#"{"":""}"#, object(("", .string("")))),
        (#""""#, .string("")), (#""Grüße 👩‍👩‍👧""#, .string("Grüße 👩‍👩‍👧")), ("\"\u{7F}\u{2028}\"", .string("\u{7F}\u{2028}")),
        (#""\"\\\/\b\f\n\r\t""#, .string("\"\\/\u{8}\u{C}\n\r\t")), (#""\u0000\u001F""#, .string("\u{0}\u{1F}")),
        (#""\u00e9\u00E9""#, .string("éé")), (#""\ud83d\ude00""#, .string("😀")),
        (#""\uD800\uDC00\uDBFF\uDFFF""#, .string("\u{10000}\u{10FFFF}")),
        (#""a\u0301b""#, .string("a\u{301}b")), (#""\uFFFF\uD7FF\uE000""#, .string("\u{FFFF}\u{D7FF}\u{E000}")),
    ]

    @Test(arguments: valid)
    func `valid texts are read`(text: String, value: JSONValue) throws {
        #expect(try parse(text) == value)
    }

    static let numbers: [(String, JSONValue)] = [
        ("0", .integer(0)), ("-0", .integer(0)), ("7", .integer(7)), ("-12", .integer(-12)),
        ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
        ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("-9223372036854775809", .integer(.min)),
        ("1.0", .integer(1)), ("1e3", .integer(1000)), ("1E+3", .integer(1000)), ("10e-1", .integer(1)), ("-0.0", .integer(0)),
        ("1.5", .number(1.5)), ("-1.5e-3", .number(-0.0015)), ("1e100", .number(1e100)), ("0.1", .number(0.1)),
        ("1.7976931348623157e308", .number(.greatestFiniteMagnitude)),
    ]

    @Test(arguments: numbers)
    func `numbers are whole where they can be`(text: String, value: JSONValue) throws {
        #expect(try parse(text) == value)
    }

    static let malformed: [(String, Int)] = [
        ("", 0), ("   ", 3), ("nul", 0), ("nulL", 0), ("True", 0), ("NaN", 0), ("Infinity", 0), ("-", 1), ("+1", 0), (".5", 0),
        ("1.", 2),
        ("1.e5", 2), ("1e", 2), ("1e+", 3), ("01", 1), ("-01", 2), ("0x10", 1), ("1 2", 2), ("1_000", 1), ("1e400", 5), ("--1", 1),
        ("[", 1), ("[1", 2), ("[1,", 3), ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("]", 0), ("[1}", 2), ("[1]]", 3),
        ("{", 1), (#"{"a""#, 4), (#"{"a":"#, 5), (#"{"a":1"#, 6), (#"{"a":1,"#, 7), (#"{"a":1,}"#, 7), (#"{a:1}"#, 1),
        (#"{'a':1}"#, 1),
        (#"{1:2}"#, 1), (#"{"a" 1}"#, 5), (#"{"a":1 "b":2}"#, 7), ("{}{}", 2), ("}", 0), (#"{"a":1]"#, 6),
        (#"""#, 1), (#""abc"#, 4), (#""\"#, 2), (#""\""#, 3), (#""\x41""#, 3), (#""\u12""#, 3), (#""\u12G4""#, 5),
        (#""\U0041""#, 3),
        ("\"\n\"", 1), ("\"a\u{0}\"", 2), ("\"\\n\t\"", 3), ("'a'", 0), ("// comment\n1", 0), ("1 // comment", 2), ("/* */1", 0),
        ("\u{FEFF}1", 0), ("\u{A0}1", 0),
    ]

    @Test(arguments: malformed)
    func `malformed texts are refused with the place`(text: String, offset: Int) {
        #expect {
            try parse(text)
        } throws: { error in
            guard case .malformed(offset, _)? = error as? JSONSyntaxError else { return false }
            return true
        }
    }

    @Test(arguments: [
        #""\ud83d""#, #""\ud83dx""#, #""\ud83d\n""#, #""\ude00""#, #""\ude00\ud83d""#, #""\ud83d\ud83d""#, #""\ud83d\u0041""#,
        #""\ud83d\u""#,
    ])
    func `half a surrogate pair is refused`(text: String) {
        #expect(throws: JSONSyntaxError.self) { try parse(text) }
    }

    @Test(arguments: [
        (#"{"a":1,"a":2}"#, "a"), (#"{"a":1,"b":2,"a":1}"#, "a"), (#"{"a":1,"\u0061":2}"#, "a"), (#"{"x":{"":1,"":2}}"#, ""),
        (#"[{"b":{},"b":[]}]"#, "b"),
    ])
    func `a name that stands twice in an object is refused`(text: String, name: String) {
        #expect(throws: JSONSyntaxError.duplicateName(name)) { try parse(text) }
    }

    @Test(arguments: [11, 12, 13, 14, 40, 2000])
    func `a name that stands twice is found among any number of names`(count: Int) throws {
        let names = (0..<count).map { "\"name \($0)\":\($0)" }
        guard case .object(let read) = try parse("{\(names.joined(separator: ","))}") else { return #expect(Bool(false)) }
        #expect(read.members.count == count)
        for repeated in [0, count / 2, count - 1] {
            #expect(throws: JSONSyntaxError.duplicateName("name \(repeated)")) {
                try parse("{\(names.joined(separator: ",")),\"name \(repeated)\":null}")
            }
        }
    }

    @Test func `the same name may stand in different objects`() throws {
        #expect(throws: Never.self) { try parse(#"{"a":{"a":{"a":[{"a":1},{"a":2}]}}}"#) }
    }

    @Test func `nesting is bounded`() throws {
        func nested(_ depth: Int, _ open: String, _ close: String) -> String {
            String(repeating: open, count: depth) + String(repeating: close, count: depth)
        }
        #expect(throws: Never.self) { try parse(nested(32, "[", "]")) }
        #expect(throws: JSONSyntaxError.tooDeep(limit: 32)) { try parse(nested(33, "[", "]")) }
        #expect(throws: JSONSyntaxError.tooDeep(limit: 32)) { try parse(nested(33, #"{"a":["#, "]}")) }
        #expect(throws: JSONSyntaxError.tooDeep(limit: 32)) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: Never.self) { try JSONParser.parse("[[1]]".utf8, maxDepth: 2) }
        #expect(throws: JSONSyntaxError.tooDeep(limit: 1)) { try JSONParser.parse("[[1]]".utf8, maxDepth: 1) }
        #expect(throws: Never.self) { try parse("[\(String(repeating: "[],", count: 100_000))[]]") }
    }

    static let invalidUTF8: [[UInt8]] = [
        [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC2], [0xC2, 0x41], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80],
        [0xED, 0xBF, 0xBF],
        [0xF0, 0x80, 0x80, 0x80], [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFE], [0xFF],
    ]

    @Test(arguments: invalidUTF8)
    func `bytes that are not UTF-8 are refused, wherever they stand`(bytes: [UInt8]) {
        for before in 0..<18 {
            let text = Array("\"".utf8) + Array(repeating: UInt8(ascii: "a"), count: before) + bytes + Array("aaaaaaaaa\"".utf8)
            #expect(throws: JSONSyntaxError.invalidUTF8) { try JSONParser.parse(text) }
        }
        #expect(throws: JSONSyntaxError.invalidUTF8) { try JSONParser.parse(Array("1 ".utf8) + bytes) }
    }

    @Test func `random bytes are read or refused, never more`() async throws {
        let alphabet =
            Array(#"{}[]:,"\ truefalsn0123456789.eE+-udD8cC00"#.utf8) + [
                0x00, 0x0A, 0x7F, 0x80, 0xC3, 0xA9, 0xED, 0xA0, 0xF0, 0xFF,
            ]
        try await withSeed { random in
            for _ in 0..<20_000 {
                let bytes = (0..<random.number(0...40)).map { _ in
                    random.oneIn(8) ? UInt8(random.number(0...255)) : random.pick(alphabet)
                }
                try checkReadOrRefused(bytes)
            }
        }
    }

    @Test func `valid texts with random damage are read or refused, never more`() async throws {
        try await withSeed { random in
            for _ in 0..<2_000 {
                var bytes = JSONValue.random(depth: 4, using: &random).written
                for _ in 0..<random.number(1...3) where !bytes.isEmpty {
                    let place = random.number(0...bytes.count - 1)
                    switch random.number(0...2) {
                    case 0: bytes[place] = UInt8(random.number(0...255))
                    case 1: bytes.remove(at: place)
                    default: bytes.insert(bytes[random.number(0...bytes.count - 1)], at: place)
                    }
                }
                try checkReadOrRefused(bytes)
            }
        }
    }

    /// What is read is written as a text that reads as the same value.
    private func checkReadOrRefused(_ bytes: [UInt8]) throws {
        let value: JSONValue
        do {
            value = try JSONParser.parse(bytes)
        } catch {
            return
        }
        try check(String(validating: bytes, as: UTF8.self) != nil, "only UTF-8 is read, but was \(bytes)")
        try checkEqual(try JSONParser.parse(value.written), value, "what was read from \(bytes), written and read")
    }

    @Test(.ownThread) func `random values come back after writing and reading`() async throws {
        try await withSeed { random in
            for _ in 0..<3_000 {
                let value = JSONValue.random(depth: 5, using: &random)
                try checkEqual(try JSONParser.parse(value.written), value, "the value read")
            }
        }
    }

    @Test func `any collection of bytes is read, slices too`() throws {
        let text = Array("xx[1]yy".utf8)
        #expect(try JSONParser.parse(text[2..<5]) == .array([.integer(1)]))
        #expect(try JSONParser.parse("[1]".utf8) == .array([.integer(1)]))
    }
}

extension JSONValue {
    /// The value's JSON text.
    var written: [UInt8] {
        var writer = JSONWriter()
        write(to: &writer)
        return writer.bytes
    }

    private func write(to json: inout JSONWriter) {
        switch self {
        case .null: json.null()
        case .bool(let value): json.bool(value)
        case .integer(let value): json.integer(value)
        case .number(let value): json.number(value)
        case .string(let value): json.string(value)
        case .array(let elements): json.array(elements) { $1.write(to: &$0) }
        case .object(let object):
            json.object { json in
                for member in object.members {
                    json.name(member.name)
                    member.value.write(to: &json)
                }
            }
        }
    }

    static func random(depth: Int, using random: inout SeededGenerator) -> JSONValue {
        switch random.number(0...(depth > 0 ? 8 : 5)) {
        case 0: return .null
        case 1: return .bool(random.oneIn(2))
        case 2: return .integer(random.oneIn(2) ? Int64(random.number(-10...10)) : Int64(truncatingIfNeeded: random.next()))
        case 3:
            let value = Double(bitPattern: random.next())
            return value.isFinite && Int64(exactly: value) == nil ? .number(value) : .number(0.5)
        case 4, 5: return .string(text(using: &random))
        case 6: return .array((0..<random.number(0...4)).map { _ in .random(depth: depth - 1, using: &random) })
        default:
            var members: [(name: String, value: JSONValue)] = []
            for _ in 0..<random.number(0...15) {
                let name = text(using: &random)
                if members.contains(where: { $0.name == name }) { continue }
                members.append((name, .random(depth: depth - 1, using: &random)))
            }
            return .object(JSONObject(members: members))
        }
    }

    private static func text(using random: inout SeededGenerator) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0...0x7F, 0x20...0x7E, 0...0x1F, 0x80...0x7FF, 0x800...0xD7FF, 0xE000...0xFFFF, 0x1_0000...0x10_FFFF,
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<random.number(0...12) {
            scalars.append(Unicode.Scalar(UInt32.random(in: random.pick(ranges), using: &random))!)
        }
        return String(scalars)
    }
}
