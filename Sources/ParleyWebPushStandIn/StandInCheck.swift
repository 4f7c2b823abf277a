import Foundation
import NIOHTTP1
import ParleyModel
import ParleyWebPush

/// What is wrong with a request, as strictly as any of the real push services says it.
struct StandInCheck {
    typealias Refusal = StandInToken.Refusal

    static let maxBodyBytes = 4096
    private static let singleFields = ["Authorization", "Content-Encoding", "TTL", "Urgency", "Topic"]

    let head: HTTPRequestHead
    let body: [UInt8]
    let subscription: StandInSubscription
    let number: Int
    let origin: String
    let requiresContact: Bool
    /// A token that was checked before; nil for a new one.
    let known: (String) -> StandInToken?
    let now: Timestamp

    func delivery() throws(Refusal) -> WebPushStandIn.Delivery {
        guard head.method == .POST else { throw Refusal(status: 405, reason: "the method is \(head.method)") }
        // RFC 8030, sections 5.2 to 5.4; of two tokens nobody could say which one counts.
        for name in Self.singleFields where head.headers[name].count > 1 { throw bad("\(name) is there more than once") }
        let token = try token()
        guard let timeToLive = head.headers.first(name: "TTL").flatMap(Self.number) else { throw bad("TTL is not a number of seconds") }
        guard head.headers.first(name: "Content-Encoding") == "aes128gcm" else { throw bad("Content-Encoding is not aes128gcm") }
        let urgency = head.headers.first(name: "Urgency")
        if let urgency, !["very-low", "low", "normal", "high"].contains(urgency) { throw bad("there is no Urgency \(urgency)") }
        let topic = head.headers.first(name: "Topic")
        if let topic, !Self.isTopic(topic) { throw bad("Topic is not 1 to 32 characters of base64url") }
        guard body.count <= Self.maxBodyBytes else { throw Refusal(status: 413, reason: "the body has \(body.count) bytes") }
        guard let opened = subscription.decrypt(body) else { throw bad("the body cannot be decrypted") }
        return WebPushStandIn.Delivery(
            subscription: number, plaintext: opened.plaintext, paddedLength: opened.paddedLength, timeToLive: timeToLive,
            urgency: urgency, topic: topic, token: token)
    }

    private func token() throws(Refusal) -> StandInToken {
        guard let header = head.headers.first(name: "Authorization") else { throw Refusal(status: 401, reason: "Authorization is missing") }
        let read: StandInToken
        if let known = known(header), now < known.expiresAt {
            read = known
        } else {
            read = try StandInToken.read(header, origin: origin, requiresContact: requiresContact, at: now)
        }
        if let serverKey = subscription.serverKey, serverKey != read.serverKey {
            throw Refusal(status: 403, reason: "k is not the key that the subscription was made with")
        }
        return read
    }

    private func bad(_ reason: String) -> Refusal { Refusal(status: 400, reason: reason) }

    private static func number(_ text: String) -> Int? {
        text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ? Int(text) : nil
    }

    private static func isTopic(_ text: String) -> Bool {
        (1...32).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                "-_".utf8.contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            }
    }
}
