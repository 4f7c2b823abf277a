import Crypto
import Foundation
import ParleyModel
import Testing

@testable import ParleyWebPush
@testable import ParleyWebPushStandIn

struct MessageEncryptionTests {
    /// RFC 8291, section 5 and appendix A.
    private enum Example {
        static let plaintext = "When I grow up, I want to be a watermelon"
        static let serverPrivateKey = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
        static let browserPublicKey = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
        static let salt = "DGv6ra1nlYgDCS1FRnbzlw"
        static let authSecret = "BTBZMqHH6r4Tts7J_aSIgg"
        static let body = """
            DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6\
            cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN
            """
    }

    @Test func `the example of RFC 8291 comes out byte by byte`() throws {
        let keys = try SubscriptionKeys(
            WebPushSubscription(endpoint: "https://push.example.net/a", p256dh: Example.browserPublicKey, auth: Example.authSecret))
        let key = try P256.KeyAgreement.PrivateKey(rawRepresentation: #require(Base64URL.decode(Example.serverPrivateKey)))
        let encryption = MessageEncryption(ephemeralKey: key, salt: try #require(Base64URL.decode(Example.salt)))
        #expect(Base64URL.encode(try encryption.body(Array(Example.plaintext.utf8), to: keys)) == Example.body)
    }

    @Test(arguments: [0, 1, 41, 256, 3992, 3993])
    func `the browser reads what was meant, whatever it was padded to`(length: Int) throws {
        let browser = StandInSubscription(serverKey: nil)
        let keys = try SubscriptionKeys(browser.subscription(endpoint: "https://push.example.net/a"))
        let plaintext = (0..<length).map { UInt8(truncatingIfNeeded: $0) }
        for paddedLength in [0, 256, 512, 3993, 9999] {
            let body = try MessageEncryption().body(plaintext, to: keys, paddedLength: paddedLength)
            #expect(body.count <= 4096)
            #expect(browser.decrypt(body)?.plaintext == plaintext)
        }
        #expect(StandInSubscription(serverKey: nil).decrypt(try MessageEncryption().body(plaintext, to: keys)) == nil)
    }

    @Test func `the longest plaintext makes the longest body that every push service takes`() throws {
        let keys = try SubscriptionKeys(StandInSubscription(serverKey: nil).subscription(endpoint: "https://push.example.net/a"))
        #expect(MessageEncryption.plaintextLimit == 3993)
        #expect(try MessageEncryption().body(Array(repeating: 0, count: 3993), to: keys).count == 4096)
    }

    @Test func `neither key nor salt is used twice`() throws {
        let keys = try SubscriptionKeys(StandInSubscription(serverKey: nil).subscription(endpoint: "https://push.example.net/a"))
        let bodies = try (0..<100).map { _ in try MessageEncryption().body([1], to: keys) }
        #expect(Set(bodies.map { $0[..<16] }).count == 100)
        #expect(Set(bodies.map { $0[21..<86] }).count == 100)
    }

    @Test(arguments: [
        ("", "BTBZMqHH6r4Tts7J_aSIgg", "p256dh"), (Example.browserPublicKey, "", "auth"),
        // Of the right length, but no point on the curve; a compressed point; another secret's length.
        ("B" + String(repeating: "A", count: 86), "BTBZMqHH6r4Tts7J_aSIgg", "p256dh"),
        ("A" + Example.browserPublicKey.dropFirst(), "BTBZMqHH6r4Tts7J_aSIgg", "p256dh"),
        (String(Example.browserPublicKey.prefix(44)), "BTBZMqHH6r4Tts7J_aSIgg", "p256dh"),
        (Example.browserPublicKey, "BTBZMqHH6r4Tts7J_aSI", "auth"), (Example.browserPublicKey, "BTBZMqHH6r4Tts7J+aSIgg", "auth"),
    ])
    func `keys that nothing can be encrypted to are refused by name`(p256dh: String, auth: String, field: String) {
        let fault = #expect(throws: SubscriptionKeys.Fault.self) {
            try SubscriptionKeys(WebPushSubscription(endpoint: "https://push.example.net/a", p256dh: p256dh, auth: auth))
        }
        #expect(fault?.field == field)
    }

    @Test func `base64url is read with and without padding, and nothing else is`() {
        for bytes in [[], [0], [251, 255], [1, 2, 3], [1, 2, 3, 4]] as [[UInt8]] {
            let text = Base64URL.encode(bytes)
            #expect(Base64URL.decode(text) == bytes)
            #expect(Base64URL.decode(text + String(repeating: "=", count: (4 - text.count % 4) % 4)) == bytes)
        }
        for text in ["a", "ab+d", "ab/d", "abc=====", "äbcd", "a b="] { #expect(Base64URL.decode(text) == nil, "\(text)") }
    }
}
