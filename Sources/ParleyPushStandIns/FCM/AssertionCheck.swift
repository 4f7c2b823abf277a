import Crypto
import CryptoExtras
import Foundation
import ParleyModel

/// Whether a request for an access token is one that Google would answer ("Using OAuth 2.0 for server to server
/// applications").
struct AssertionCheck {
    static let grantType = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    static let scope = "https://www.googleapis.com/auth/firebase.messaging"
    static let maxSeconds: Int64 = 3600
    static let leewaySeconds: Int64 = 60

    let email: String
    let keyID: String
    let audience: String
    let publicKey: _RSA.Signing.PublicKey

    /// OAuth's word for what is wrong.
    func error(in request: StandInRequest, at now: Timestamp) -> String? {
        guard request.method == "POST", request.field("content-type") == "application/x-www-form-urlencoded" else {
            return "invalid_request"
        }
        let form = Self.form(request.body)
        guard form["grant_type"] == Self.grantType else { return "unsupported_grant_type" }
        guard let text = form["assertion"], let token = CompactToken(text) else { return "invalid_request" }
        guard token.claims.text("scope") == Self.scope else { return "invalid_scope" }
        let isRight =
            token.header.text("alg") == "RS256" && token.header.text("kid") == keyID && token.claims.text("iss") == email
            && token.claims.text("aud") == audience && isInTime(token.claims, now.milliseconds / 1000) && isSigned(token)
        return isRight ? nil : "invalid_grant"
    }

    private func isInTime(_ claims: JSONObject, _ now: Int64) -> Bool {
        guard let issued = claims.whole("iat"), let end = claims.whole("exp") else { return false }
        return issued <= now + Self.leewaySeconds && now < end && end - issued <= Self.maxSeconds
    }

    private func isSigned(_ token: CompactToken) -> Bool {
        publicKey.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: Data(token.signature)), for: SHA256.hash(data: token.signed),
            padding: .insecurePKCS1v1_5)
    }

    private static func form(_ body: [UInt8]) -> [String: String] {
        var members: [String: String] = [:]
        for pair in String(decoding: body, as: UTF8.self).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2, let value = parts[1].removingPercentEncoding else { continue }
            members[parts[0]] = value
        }
        return members
    }
}
