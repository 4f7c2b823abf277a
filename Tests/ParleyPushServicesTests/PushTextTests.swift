import ParleyModel
import ParleyPush
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// Texts are cut where the services' limits ask for it: in bytes of the JSON, at whole characters.
struct PushTextTests {
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

    @Test(arguments: [family, "x", "\"", "\u{1}", "é", "漢"], [10, 700, 1500, 5000])
    func `a payload for Apple has at most 4096 bytes, and uses them`(character: String, count: Int) throws {
        let text = String(repeating: character, count: count)
        for title in ["Ada", text] {
            let notification = PushNotification.sample(
                .message(.sample(title: title, text: text)), to: .apns(token: "00"), badge: .max, at: Sample.start)
            let bytes = APNsPayload(genericAlert: GenericAlert(), sound: "default").bytes(notification)
            #expect(bytes.count <= 4096)
            guard case .object(let json) = try JSONParser.parse(bytes), case .string(let body)? = json[["aps", "alert", "body"]] else {
                Issue.record("no body")
                return
            }
            if body != text {
                #expect(bytes.count > 4096 - EncodedText.byteCount(character.utf8))
                #expect(Set(body.dropLast()) == [Character(character)] && body.last == "…")
            }
        }
    }

    @Test(arguments: [family, "x", "\"", "漢"], FCMConfiguration.Form.allCases)
    func `a message for Google has at most 4096 bytes beside the device's token`(character: String, form: FCMConfiguration.Form) throws {
        let text = String(repeating: character, count: 5000)
        let token = String(repeating: "t", count: 300)
        for title in ["Ada", text] {
            let notification = PushNotification.sample(
                .message(.sample(title: title, text: text)), to: .fcm(token: token), badge: 1, at: Sample.start)
            let message = FCMMessage(form: form, channelID: "chat", genericAlert: GenericAlert(), now: Sample.start)
            let count = message.bytes(notification, token: token).count
            #expect((4096 + 300 - 30...4096 + 300).contains(count))
        }
    }
}
