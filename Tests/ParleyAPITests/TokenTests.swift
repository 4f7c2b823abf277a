import Crypto
import CryptoExtras
import Foundation
import HTTPTypes
import JWTKit
import ParleyAPI
import ParleyModel
import ParleyTesting
import Testing

/// Who may come in. Every case asks the same route, which answers 204 to a good token.
@Suite(.timeLimit(.minutes(1)))
struct TokenTests {
    struct Claims: JWTPayload {
        var sub: String? = ada.description
        var exp: Double?
        var nbf: Double?
        var service: Bool?

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    private static let anotherSecret = "another secret, long enough to be one"

    private static func ping(_ parley: Parley, _ authorization: String?) async throws -> Answer {
        var headers = HTTPFields()
        headers[.authorization] = authorization
        return try await parley.exchange(.get, "/v1/ping", headers: headers)
    }

    private static func signed(_ claims: Claims, secret: String = Parley.secret, kid: JWKIdentifier? = nil) async throws -> String {
        let keys = JWTKeyCollection()
        await keys.add(hmac: HMACKey(from: secret), digestAlgorithm: .sha256)
        var header = JWTHeader()
        header.kid = kid?.string
        return try await keys.sign(claims, header: header)
    }

    private static func unsigned(_ header: String, _ payload: String = #"{"sub":"\#(ada)"}"#, signature: String = "") -> String {
        base64URL(Data(header.utf8)) + "." + base64URL(Data(payload.utf8)) + "." + signature
    }

    private static func base64URL(_ data: Data) -> String {
        data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// Seconds since 1970 of the moment at which the tests' clock stands, and so many more.
    private static func moment(_ parley: Parley, _ seconds: Double) -> Double { Double(parley.time.now().milliseconds) / 1000 + seconds }

    // MARK: HS256

    @Test func `a good token is let in, in any spelling of the scheme`() async throws {
        try await Parley.run { parley in
            let token = try await parley.token(ada)
            #expect(try await Self.ping(parley, "Bearer " + token).status == 204)
            #expect(try await Self.ping(parley, "bearer " + token).status == 204)
            #expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims())).status == 204)
            #expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(), kid: "main")).status == 204)
            #expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(sub: ada.description.uppercased()))).status == 204)
        }
    }

    @Test func `a missing token is asked for`() async throws {
        try await Parley.run { parley in
            for header in [nil, "", "Bearer", "Basic YWRhOmFkYQ==", try await parley.token(ada)] {
                let answer = try await Self.ping(parley, header)
                expect(answer, refuses: .missingToken)
                #expect(answer.headers[.wwwAuthenticate] == "Bearer")
            }
        }
    }

    @Test func `garbage is no token`() async throws {
        try await Parley.run { parley in
            let good = try await parley.token(ada)
            let parts = good.split(separator: ".").map(String.init)
            let bad = [
                "x", "a.b.c", "..", good + ".x", String(good.dropLast()) + (good.last == "A" ? "g" : "A"), parts[0] + "." + parts[1] + ".",
                parts[0] + "." + parts[1], "é.é.é", String(repeating: "a", count: 10_000), good + good,
                Self.unsigned("[]", signature: parts[2]), Self.unsigned("{}", signature: parts[2]),
                Self.unsigned(#"{"alg":5}"#, signature: parts[2]),
                parts[0] + "." + Self.base64URL(Data(#"{"sub":"\#(ben)"}"#.utf8)) + "." + parts[2],
            ]
            for token in bad {
                let answer = try await Self.ping(parley, "Bearer " + token)
                expect(answer, refuses: .invalidToken, nil, "\(token.prefix(80))")
                #expect(answer.headers[.wwwAuthenticate]?.contains("invalid_token") == true)
            }
        }
    }

    @Test func `a token without the user's UUID is refused`() async throws {
        try await Parley.run { parley in
            for sub in [nil, "", "ada", "\(ada)0"] {
                expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(sub: sub))), refuses: .invalidToken)
            }
        }
    }

    @Test func `a token ends at its exp, also when it was good before`() async throws {
        try await Parley.run { parley in
            let token = try await parley.token(ada, seconds: 60)
            #expect(try await Self.ping(parley, "Bearer " + token).status == 204)
            parley.time.advance(bySeconds: 59)
            #expect(try await Self.ping(parley, "Bearer " + token).status == 204)
            parley.time.advance(bySeconds: 1)
            expect(try await Self.ping(parley, "Bearer " + token), refuses: .tokenExpired)
            for exp in [0, -1, 1, Self.moment(parley, 0), -1e300] {
                expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(exp: exp))), refuses: .tokenExpired, nil, "\(exp)")
            }
            for exp in [Self.moment(parley, 1), 1e12, 1e300] {
                #expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(exp: exp))).status == 204, "\(exp)")
            }
        }
    }

    @Test func `a token is not good before its nbf, but for the difference of two clocks`() async throws {
        try await Parley.run { parley in
            for nbf in [-3600, 0, 29.0] {
                #expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(nbf: Self.moment(parley, nbf)))).status == 204)
            }
            let early = try await Self.signed(Claims(nbf: Self.moment(parley, 3600)))
            expect(try await Self.ping(parley, "Bearer " + early), refuses: .invalidToken)
            expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(nbf: 1e300))), refuses: .invalidToken)
            parley.time.advance(bySeconds: 3600)
            #expect(try await Self.ping(parley, "Bearer " + early).status == 204)
        }
    }

    @Test func `another secret does not open`() async throws {
        try await Parley.run { parley in
            for secret in [Self.anotherSecret, Parley.secret.uppercased(), Parley.secret + " "] {
                expect(try await Self.ping(parley, "Bearer " + Self.signed(Claims(), secret: secret)), refuses: .invalidToken)
            }
        }
    }

    @Test func `a token cannot choose its algorithm`() async throws {
        try await Parley.run { parley in
            for name in ["none", "None", "NONE", "", "hs256", "HS384", "RS256", "ES256", "EdDSA"] {
                expect(
                    try await Self.ping(parley, "Bearer " + Self.unsigned(#"{"alg":"\#(name)","typ":"JWT"}"#)), refuses: .invalidToken, nil,
                    "\(name)")
            }
            let keys = JWTKeyCollection()
            await keys.add(hmac: HMACKey(from: Parley.secret), digestAlgorithm: .sha512)
            expect(try await Self.ping(parley, "Bearer " + keys.sign(Claims())), refuses: .invalidToken)
            // An extension that must be understood and is not (RFC 7515, section 4.1.11).
            let good = try await parley.token(ada).split(separator: ".")
            let critical = Self.base64URL(Data(#"{"alg":"HS256","crit":["b64"],"b64":false}"#.utf8))
            expect(try await Self.ping(parley, "Bearer \(critical).\(good[1]).\(good[2])"), refuses: .invalidToken)
        }
    }

    @Test func `a refused token changes nothing`() async throws {
        try await Parley.run { parley in
            let path = try await parley.direct()
            let before = try await parley.state(of: path)
            let headers: HTTPFields = [
                .authorization: "Bearer " + (try await Self.signed(Claims(), secret: Self.anotherSecret)), .contentType: "application/json",
            ]
            expect(
                try await parley.exchange(.post, path + "/messages", headers: headers, bytes: Body.text("Hello").bytes),
                refuses: .invalidToken)
            expect(
                try await parley.exchange(
                    .post, path + "/messages", headers: [.contentType: "application/json"], bytes: Body.text("Hello").bytes),
                refuses: .missingToken)
            #expect(try await parley.state(of: path) == before)
        }
    }

    // MARK: JWKS

    /// One key of each kind, and the JWKS of their public halves.
    struct KeyRing {
        let rsa: JWTKit.Insecure.RSA.PrivateKey
        let ecdsa = ES256PrivateKey()
        let eddsa: EdDSA.PrivateKey
        let rsaPEM: String
        let jwks: String

        init() throws {
            let rsa = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            self.rsa = try JWTKit.Insecure.RSA.PrivateKey(backing: rsa)
            rsaPEM = rsa.publicKey.pemRepresentation
            let edwards = Curve25519.Signing.PrivateKey()
            eddsa = EdDSA.PrivateKey(backing: edwards)
            let primitives = try rsa.publicKey.getKeyPrimitives()
            let point = ecdsa.publicKey.parameters!
            func url(_ standard: String) -> String { standard.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "") }
            jwks = """
                {"keys":[
                {"kty":"RSA","kid":"rsa","use":"sig","alg":"RS256","n":"\(base64URL(primitives.modulus))","e":"\(base64URL(primitives.publicExponent))"},
                {"kty":"EC","kid":"ec","crv":"P-256","alg":"ES256","x":"\(url(point.x))","y":"\(url(point.y))"},
                {"kty":"OKP","kid":"ed","crv":"Ed25519","alg":"EdDSA","x":"\(base64URL(edwards.publicKey.rawRepresentation))"}
                ]}
                """
        }

        func collection() async -> JWTKeyCollection {
            let keys = JWTKeyCollection()
            await keys.add(rsa: rsa, digestAlgorithm: .sha256, kid: "rsa")
            await keys.add(ecdsa: ecdsa, kid: "ec")
            await keys.add(eddsa: eddsa, kid: "ed")
            return keys
        }
    }

    @Test func `RS256, ES256 and EdDSA are taken under the keys of a JWKS`() async throws {
        let ring = try KeyRing()
        try await Parley.run(.init(secret: nil, jwks: ring.jwks)) { parley in
            let keys = await ring.collection()
            for kid in ["rsa", "ec", "ed"] as [JWKIdentifier] {
                let answer = try await Self.ping(parley, "Bearer " + keys.sign(Claims(exp: Self.moment(parley, 60)), kid: kid))
                #expect(answer.status == 204, "\(kid.string): \(answer.text)")
                let expired = try await keys.sign(Claims(exp: Self.moment(parley, -60)), kid: kid)
                expect(try await Self.ping(parley, "Bearer " + expired), refuses: .tokenExpired)
            }
        }
    }

    @Test func `other keys than those of the JWKS do not open`() async throws {
        let ring = try KeyRing()
        let strangers = await (try KeyRing()).collection()
        try await Parley.run(.init(secret: nil, jwks: ring.jwks)) { parley in
            for kid in ["rsa", "ec", "ed"] as [JWKIdentifier] {
                expect(try await Self.ping(parley, "Bearer " + strangers.sign(Claims(), kid: kid)), refuses: .invalidToken)
            }
        }
    }

    @Test func `a token signed by one key cannot name another`() async throws {
        let ring = try KeyRing()
        try await Parley.run(.init(secret: nil, jwks: ring.jwks)) { parley in
            for named in ["rsa", "ec", "ed", "nobody"] {
                for signer in ["rsa", "ec", "ed"] where signer != named {
                    let keys = JWTKeyCollection()
                    switch signer {
                    case "rsa": await keys.add(rsa: ring.rsa, digestAlgorithm: .sha256, kid: JWKIdentifier(string: named))
                    case "ec": await keys.add(ecdsa: ring.ecdsa, kid: JWKIdentifier(string: named))
                    default: await keys.add(eddsa: ring.eddsa, kid: JWKIdentifier(string: named))
                    }
                    // An unknown name may fall back to the first key; that is no way in for others.
                    if named == "nobody", signer == "rsa" { continue }
                    let token = try await keys.sign(Claims(), kid: JWKIdentifier(string: named))
                    expect(try await Self.ping(parley, "Bearer " + token), refuses: .invalidToken, nil, "\(signer) as \(named)")
                }
            }
        }
    }

    @Test(arguments: [nil, Parley.secret])
    func `a public key is no secret`(_ secret: String?) async throws {
        let ring = try KeyRing()
        try await Parley.run(.init(secret: secret, jwks: ring.jwks)) { parley in
            let der = try JWTKit.Insecure.RSA.PublicKey(pem: ring.rsaPEM).derRepresentation
            let secrets = [
                Data(ring.rsaPEM.utf8), Data((ring.rsaPEM + "\n").utf8), der, Data(ring.jwks.utf8), ring.eddsa.publicKey.rawRepresentation,
            ]
            for bytes in secrets {
                for kid in [nil, "rsa", "ec", "ed"] as [JWKIdentifier?] {
                    let keys = JWTKeyCollection()
                    await keys.add(hmac: HMACKey(from: bytes), digestAlgorithm: .sha256, kid: kid)
                    var header = JWTHeader()
                    header.kid = kid?.string
                    let token = try await keys.sign(Claims(), kid: kid, header: header)
                    expect(try await Self.ping(parley, "Bearer " + token), refuses: .invalidToken)
                }
            }
        }
    }

    @Test func `a secret and a JWKS open side by side`() async throws {
        let ring = try KeyRing()
        try await Parley.run(.init(jwks: ring.jwks)) { parley in
            for token in [try await parley.token(ada), try await ring.collection().sign(Claims(), kid: "ed")] {
                #expect(try await Self.ping(parley, "Bearer " + token).status == 204)
            }
        }
    }

    @Test(arguments: ["", "{}", #"{"keys":[]}"#, #"{"keys":[{"kty":"RSA"}]}"#])
    func `a JWKS without a usable key stops the start`(_ jwks: String) async throws {
        await #expect(throws: TokenKeyError.self) {
            _ = try await Parley.run(.init(jwks: jwks)) { _ in }
        }
    }
}

private func base64URL(_ data: Data) -> String {
    data.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
}
