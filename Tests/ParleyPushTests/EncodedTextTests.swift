import ParleyModel
import ParleyPush
import Testing

/// Texts are measured in bytes of the JSON, and cut at whole characters.
struct EncodedTextTests {
    private static let family = "👩‍👩‍👧‍👦"
    static let texts = [
        "", "Hello", "quotes \" and \\ and \n\r\t", "\u{0}\u{1F}\u{7F}", family, String(repeating: family, count: 9),
        "e\u{301}e\u{301}", "🇩🇪🇫🇷", "🏽", "한국어 漢字", "a\u{301}\u{302}\u{303}\u{304}",
    ]

    @Test(arguments: texts)
    func `a text's bytes are counted as they are written`(text: String) {
        var json = JSONWriter()
        json.string(text)
        #expect(EncodedText.byteCount(text.utf8) == json.bytes.count - 2)
    }

    @Test(arguments: texts)
    func `what is cut is a beginning of whole characters, as long as fits`(text: String) {
        let whole = EncodedText.byteCount(text.utf8)
        for limit in 0..<whole + 5 {
            let cut = EncodedText.cut(text, toBytes: limit)
            #expect(EncodedText.byteCount(cut.utf8) <= limit)
            if limit >= whole {
                #expect(cut == text)
            } else if limit >= 3 {
                let kept = Array(cut).dropLast()
                #expect(cut.hasSuffix("…") && Array(text).starts(with: kept))
                let next = String(Array(text)[kept.count])
                #expect(EncodedText.byteCount(cut.utf8) + EncodedText.byteCount(next.utf8) > limit)
            } else {
                #expect(cut == "")
            }
        }
    }
}
