import Foundation
import NIOHTTP1
import ParleyModel
import Testing

@testable import ParleyWebPush
@testable import ParleyWebPushStandIn

/// The stand-in must be as strict as the real ones, else the provider's tests prove nothing.
struct StandInTests {
    private let key = VAPIDKey.random()
    private static let origin = "https://push.example.com"

    private func refusal(
        contact: VAPIDContact? = VAPIDContact("mailto:push@example.com"), origin: String = origin, signedAt: Timestamp = Sample.now,
        serverKey: String? = nil, _ change: (inout HTTPRequestHead, inout [UInt8]) throws -> Void = { _, _ in }
    ) throws -> String? {
        let browser = StandInSubscription(serverKey: serverKey ?? key.publicKey)
        let keys = try SubscriptionKeys(browser.subscription(endpoint: origin + "/a"))
        var body = try MessageEncryption().body(Array("{}".utf8), to: keys)
        var head = HTTPRequestHead(version: .http1_1, method: .POST, uri: "/a")
        head.headers.add(name: "Authorization", value: try VAPIDTokens(key: key, contact: contact).header(for: origin, at: signedAt))
        head.headers.add(name: "Content-Encoding", value: "aes128gcm")
        head.headers.add(name: "TTL", value: "60")
        try change(&head, &body)
        let check = StandInCheck(
            head: head, body: body, subscription: browser, number: 0, origin: Self.origin, requiresContact: true, known: { _ in nil },
            now: Sample.now)
        do throws(StandInToken.Refusal) {
            #expect(try check.delivery().plaintext == Array("{}".utf8))
            return nil
        } catch {
            return "\(error.status) \(error.reason)"
        }
    }

    @Test func `a request that is right is taken`() throws {
        #expect(try refusal() == nil)
        #expect(try refusal { head, _ in head.headers.add(name: "Topic", value: String(repeating: "a", count: 32)) } == nil)
    }

    @Test func `a request with anything wrong is refused`() throws {
        func changed(_ name: String, _ value: String?) throws -> String? {
            try refusal { head, _ in
                head.headers.remove(name: name)
                if let value { head.headers.add(name: name, value: value) }
            }
        }
        #expect(try changed("TTL", nil) == "400 TTL is not a number of seconds")
        #expect(try changed("TTL", "-1") == "400 TTL is not a number of seconds")
        #expect(try changed("Content-Encoding", "aesgcm") == "400 Content-Encoding is not aes128gcm")
        #expect(try changed("Urgency", "urgent") == "400 there is no Urgency urgent")
        #expect(try changed("Topic", String(repeating: "a", count: 33)) == "400 Topic is not 1 to 32 characters of base64url")
        #expect(try changed("Topic", "a b") == "400 Topic is not 1 to 32 characters of base64url")
        #expect(try changed("Topic", "") == "400 Topic is not 1 to 32 characters of base64url")
        #expect(try changed("Authorization", nil) == "401 Authorization is missing")
        #expect(try changed("Authorization", "Bearer abc") == "401 Authorization is not of the scheme vapid")
        #expect(try changed("Authorization", "vapid t=a.b.c, k=d") == "401 t is no ES256 token")
        #expect(try refusal { head, _ in head.method = .PUT } == "405 the method is PUT")
        #expect(try refusal { _, body in body += Array(repeating: 0, count: 4096) }?.hasPrefix("413 ") == true)
        #expect(try refusal { _, body in body[90] ^= 1 } == "400 the body cannot be decrypted")
        #expect(try refusal { _, body in body.removeLast() } == "400 the body cannot be decrypted")
    }

    @Test(arguments: ["Authorization", "Content-Encoding", "TTL", "Urgency", "Topic"])
    func `a field that may be there once is refused when it is there twice`(name: String) throws {
        func requested(times: Int) throws -> String? {
            try refusal { head, _ in
                let value = head.headers.first(name: name) ?? (name == "Urgency" ? "high" : "topic")
                head.headers.remove(name: name)
                for _ in 0..<times { head.headers.add(name: name, value: value) }
            }
        }
        #expect(try requested(times: 1) == nil)
        #expect(try requested(times: 2) == "400 \(name) is there more than once")
    }

    @Test func `a token with anything wrong is refused`() throws {
        #expect(try refusal(origin: "https://other.example.com") == "403 aud is not \(Self.origin)")
        #expect(try refusal(contact: nil) == "403 sub is no mailto: or https: address")
        #expect(try refusal(signedAt: Sample.now.advanced(bySeconds: -12 * 3600)) == "403 exp is past")
        #expect(try refusal(signedAt: Sample.now.advanced(bySeconds: 12 * 3600 + 1)) == "403 exp is more than 24 hours ahead")
        let other = VAPIDKey.random().publicKey
        #expect(try refusal(serverKey: other) == "403 k is not the key that the subscription was made with")
        let forged = try refusal { head, _ in
            let header = try #require(head.headers.first(name: "Authorization")).replacing(key.publicKey, with: other)
            head.headers.replaceOrAdd(name: "Authorization", value: header)
        }
        #expect(forged == "403 t was not signed by k")
    }
}
