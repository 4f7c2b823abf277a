import Crypto
import Foundation
import JWTKit
public import ParleyCore
public import ParleyModel
import Synchronization

/// Verifies bearer tokens: JWTs (RFC 7519) signed with HS256 under a shared secret, or with RS256, ES256 or EdDSA under
/// a key of a JWKS (RFC 7517).
///
/// The algorithm that the token names must be the one of the key that verifies it, and one of the four: a token can
/// neither choose `none` nor have a public key used as a secret (RFC 8725, section 3.1).
public final class JWTTokenVerifier: TokenVerifier {
    /// What a token says: `sub` is the user's UUID, `service` marks a service token.
    struct Payload: JWTPayload {
        var sub: String?
        /// Seconds since 1970.
        var exp: Double?
        var nbf: Double?
        var iat: Double?
        var service: Bool?

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    /// Seconds that another machine's clock may be behind.
    private static let notBeforeLeeway = 30.0
    private static let keyAlgorithms: Set<String> = ["RS256", "ES256", "EdDSA"]

    private let secretKeys: JWTKeyCollection?
    private let publicKeys: JWTKeyCollection?
    private let timeSource: any TimeSource
    private let revocations: TokenRevocations?
    /// Verified tokens by their hash, so that a token's signature is checked once and no token stays in memory.
    private let verified: Mutex<VerifiedTokens>

    /// Throws when the JWKS cannot be read, in a sentence for the operator.
    public init(
        secret: String?, jwks: String?, timeSource: any TimeSource, revocations: TokenRevocations? = nil, cacheCapacity: Int = 50_000
    ) async throws(TokenKeyError) {
        if let secret {
            let keys = JWTKeyCollection()
            await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
            secretKeys = keys
        } else {
            secretKeys = nil
        }
        if let jwks {
            publicKeys = try await Self.publicKeys(jwks)
        } else {
            publicKeys = nil
        }
        self.timeSource = timeSource
        self.revocations = revocations
        verified = Mutex(VerifiedTokens(capacity: cacheCapacity))
    }

    private static func publicKeys(_ json: String) async throws(TokenKeyError) -> JWTKeyCollection {
        do {
            let set = try JSONDecoder().decode(JWKS.self, from: Data(json.utf8))
            guard !set.keys.isEmpty else { throw TokenKeyError("the JWKS holds no key") }
            let keys = JWTKeyCollection()
            for key in set.keys { try await keys.add(jwk: key) }
            return keys
        } catch let error as TokenKeyError {
            throw error
        } catch {
            throw TokenKeyError("the JWKS cannot be read: each key needs a kid and the type RSA, EC (P-256) or OKP (Ed25519)")
        }
    }

    public func verify(_ token: String) async throws(ParleyError) -> Caller {
        guard token.utf8.count <= 8192 else { throw Self.invalid("the token is too long") }
        let hash = SHA256.hash(data: Data(token.utf8))
        if let caller = verified.withLock({ $0.callers[hash] }) {
            try checkExpiry(caller)
            try await revocations?.check(caller)
            return caller
        }
        let payload = try await verifiedPayload(token)
        let caller = try caller(payload)
        try checkExpiry(caller)
        verified.withLock { $0.callers.insert(caller, for: hash) }
        try await revocations?.check(caller)
        return caller
    }

    private func checkExpiry(_ caller: Caller) throws(ParleyError) {
        if let end = caller.expiresAt, end <= timeSource.now() { throw ParleyError(.tokenExpired, "the token expired at \(end)") }
    }

    private func verifiedPayload(_ token: String) async throws(ParleyError) -> Payload {
        let (algorithm, keyID) = try Self.header(of: token)
        let keys: JWTKeyCollection
        if algorithm == "HS256", let secretKeys {
            keys = secretKeys
        } else if Self.keyAlgorithms.contains(algorithm), let publicKeys {
            keys = publicKeys
        } else {
            throw Self.invalid("the token's algorithm is not accepted here")
        }
        do {
            let key = try await keys.getKey(for: algorithm == "HS256" ? nil : keyID.map { JWKIdentifier(string: $0) }, alg: algorithm)
            guard key.name == algorithm else { throw Self.invalid("the token's algorithm is not that of its key") }
            return try await keys.verify(token, as: Payload.self)
        } catch let error as ParleyError {
            throw error
        } catch {
            throw Self.invalid("the token's signature or claims are not valid")
        }
    }

    /// `alg` and `kid` of a compact token (RFC 7515, section 3.1).
    private static func header(of token: String) throws(ParleyError) -> (algorithm: String, keyID: String?) {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let bytes = Data(base64URL: parts[0]), case .object(let header)? = try? JSONParser.parse(bytes),
            case .string(let algorithm)? = header["alg"], header["crit"] == nil
        else { throw invalid("the token is not a signed JWT") }
        if case .string(let keyID)? = header["kid"] { return (algorithm, keyID) }
        return (algorithm, nil)
    }

    private func caller(_ payload: Payload) throws(ParleyError) -> Caller {
        let expiresAt = payload.exp.map { Self.timestamp($0) }
        let issuedAt = payload.iat.map { Self.timestamp($0) }
        if let start = payload.nbf, Self.timestamp(start) > timeSource.now().advanced(bySeconds: Self.notBeforeLeeway) {
            throw Self.invalid("the token is not valid yet")
        }
        if payload.service == true {
            return Caller(userID: payload.sub.flatMap { UserID($0) }, isService: true, expiresAt: expiresAt, issuedAt: issuedAt)
        }
        guard let user = payload.sub.flatMap({ UserID($0) }) else { throw Self.invalid("the token's sub must be the user's UUID") }
        return Caller(userID: user, expiresAt: expiresAt, issuedAt: issuedAt)
    }

    private static func timestamp(_ seconds: Double) -> Timestamp {
        guard seconds.isFinite, seconds > 0 else { return Timestamp(milliseconds: 0) }
        return seconds < 253_402_300_799 ? Timestamp(milliseconds: Int64(seconds * 1000)) : .distantFuture
    }

    private static func invalid(_ detail: String) -> ParleyError { ParleyError(.invalidToken, detail) }
}

private struct VerifiedTokens {
    var callers: TwoGenerationCache<SHA256Digest, Caller>

    init(capacity: Int) { callers = TwoGenerationCache(capacity: capacity) }
}

/// Why the keys for tokens cannot be used.
public struct TokenKeyError: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Signs tokens with the shared secret, for `parley token` and the demo.
public struct TokenIssuer: Sendable {
    private let secret: String

    public init(secret: String) { self.secret = secret }

    /// A token for a user, or a service token, that ends `seconds` from now.
    public func token(for user: UserID?, isService: Bool, seconds: Double, at now: Timestamp) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        let issuedAt = Double(now.milliseconds) / 1000
        let expiry = (issuedAt + seconds).rounded(.down)
        return try await keys.sign(
            JWTTokenVerifier.Payload(sub: user?.description, exp: expiry, nbf: nil, iat: issuedAt, service: isService ? true : nil))
    }
}

extension Data {
    /// Base64url without padding (RFC 4648, section 5).
    init?(base64URL text: some StringProtocol) {
        var standard = text.replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        standard += String(repeating: "=", count: (4 - standard.utf8.count % 4) % 4)
        self.init(base64Encoded: standard)
    }
}
