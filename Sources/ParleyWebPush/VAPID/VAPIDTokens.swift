import Crypto
import Foundation
import ParleyModel
import Synchronization

/// The `Authorization` headers of requests (RFC 8292), one for each push service, signed anew before it ends.
final class VAPIDTokens: Sendable {
    /// RFC 8292 allows 24 hours at most; half of it leaves room for clocks that differ.
    static let lifetimeSeconds = 12.0 * 3600
    /// A token with less left is not used any more.
    static let renewalSeconds = 3600.0
    /// Push services that tokens are kept of. There are a handful; more come only from made-up endpoints.
    static let maxOrigins = 1024

    private struct Token {
        let header: String
        let signedAt: Timestamp
    }

    private let key: VAPIDKey
    private let contact: VAPIDContact?
    private let tokens = Mutex<[String: Token]>([:])

    init(key: VAPIDKey, contact: VAPIDContact?) {
        self.key = key
        self.contact = contact
    }

    func header(for origin: String, at now: Timestamp) throws -> String {
        if let token = tokens.withLock({ $0[origin] }), Self.isFresh(token, now) { return token.header }
        let header = try signed(for: origin, at: now)
        tokens.withLock { tokens in
            if tokens.count >= Self.maxOrigins { tokens.removeAll() }
            tokens[origin] = Token(header: header, signedAt: now)
        }
        return header
    }

    /// The push service did not like it: the next one is signed anew.
    func forget(_ origin: String) {
        tokens.withLock { _ = $0.removeValue(forKey: origin) }
    }

    /// A clock that was set back makes tokens of the future, which some push services refuse.
    private static func isFresh(_ token: Token, _ now: Timestamp) -> Bool {
        (-1...lifetimeSeconds - renewalSeconds).contains(now.seconds(since: token.signedAt))
    }

    private func signed(for origin: String, at now: Timestamp) throws -> String {
        var claims = JSONWriter(capacity: 128)
        claims.object { json in
            json.name("aud")
            json.string(origin)
            json.name("exp")
            json.integer(now.advanced(bySeconds: Self.lifetimeSeconds).milliseconds / 1000)
            if let contact {
                json.name("sub")
                json.string(contact.text)
            }
        }
        let head = Base64URL.encode(Data(#"{"typ":"JWT","alg":"ES256"}"#.utf8))
        let signed = head + "." + Base64URL.encode(claims.bytes)
        let signature = try key.privateKey.signature(for: Data(signed.utf8))
        return "vapid t=\(signed).\(Base64URL.encode(signature.rawRepresentation)), k=\(key.publicKey)"
    }
}
