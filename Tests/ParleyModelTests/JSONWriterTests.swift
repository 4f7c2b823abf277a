import ParleyModel
import Testing

struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `commas stand between members and elements, and nowhere else`() {
        let written = text { json in
            json.object { json in
                json.name("a")
                json.array([1, 2, 3]) { $0.integer($1) }
                json.name("b")
                json.object { _ in }
                json.name("c" as String)
                json.array([[Int]](repeating: [], count: 2)) { json, inner in json.array(inner) { $0.integer($1) } }
                json.name("d")
                json.null()
                json.name("e")
                json.encoded(Array("[1]".utf8))
                json.name("f")
                json.bool(true)
            }
        }
        #expect(written == #"{"a":[1,2,3],"b":{},"c":[[],[]],"d":null,"e":[1],"f":true}"#)
    }

    @Test(arguments: [
        ("", #""""#), ("a\"b\\c/d", #""a\"b\\c/d""#),
        ("\n\r\t\u{8}\u{C}\u{0}\u{1F}\u{7F}", "\"\\n\\r\\t\\u0008\\u000c\\u0000\\u001f\u{7F}\""),
        ("👩‍👩‍👧é\u{2028}", "\"👩‍👩‍👧é\u{2028}\""), ("</script>", #""</script>""#), ("\r\n", #""\r\n""#),
    ])
    func `strings are escaped where JSON asks for it`(value: String, expected: String) {
        #expect(text { $0.string(value) } == expected)
    }

    @Test(arguments: [
        (0, "0"), (-1, "-1"), (Int64.max, "9223372036854775807"), (Int64.min, "-9223372036854775808"), (1000, "1000"),
    ])
    func `integers are written whole`(value: Int64, expected: String) {
        #expect(text { $0.integer(value) } == expected)
    }

    @Test func `ids and times are strings`() {
        let user = UserID(high: 0x0001_0203_0405_4607, low: 0x8809_0A0B_0C0D_0E0F)
        let written = text { json in
            json.object { json in
                json.name("user")
                json.id(user)
                json.name("message")
                json.id(MessageID(high: 0x0001_0203_0405_0607, low: 0xFFFE_FDFC))
                json.name("time")
                json.timestamp(Timestamp(milliseconds: 0))
                json.name("none")
                json.optional(nil as UserID?) { $0.id($1) }
                json.name("some")
                json.optional(user) { $0.id($1) }
            }
        }
        #expect(
            written == #"{"user":"00010203-0405-4607-8809-0a0b0c0d0e0f","message":"0001020304050607fffefdfc","#
                + #""time":"1970-01-01T00:00:00.000Z","none":null,"some":"00010203-0405-4607-8809-0a0b0c0d0e0f"}"#)
    }
}
