import ParleyModel
import ParleyPush
import ParleyTesting
import Testing

@testable import ParleyPushServices

/// Texts are cut where the services' limits ask for it.
struct PushTextTests {
    private static let family = "👩‍👩‍👧‍👦"

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
