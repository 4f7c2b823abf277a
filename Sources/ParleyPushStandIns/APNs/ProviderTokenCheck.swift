import Crypto
import ParleyModel

/// Whether a provider token is one that Apple would take ("Establishing a token-based connection to APNs").
struct ProviderTokenCheck: Sendable {
    static let maxAgeSeconds: Int64 = 3600
    static let minSecondsBetween: Int64 = 20 * 60
    /// Clocks of others may be that much ahead.
    static let leewaySeconds: Int64 = 60
    private static let maxRemembered = 100

    let keyID: String
    let teamID: String
    let publicKey: P256.Signing.PublicKey
    /// When those with a right signature were made, so that a signature is checked once.
    private var issuedAt: [String: Int64] = [:]

    init(keyID: String, teamID: String, publicKey: P256.Signing.PublicKey) {
        self.keyID = keyID
        self.teamID = teamID
        self.publicKey = publicKey
    }

    mutating func refusal(of request: StandInRequest, on connection: StandInConnection, at now: Timestamp) -> APNsRefusal? {
        guard let field = request.field("authorization"), field.lowercased().hasPrefix("bearer ") else {
            return APNsRefusal(403, "MissingProviderToken")
        }
        let text = String(field.dropFirst(7))
        let seconds = now.milliseconds / 1000
        guard let issued = issuedAt[text] ?? verified(text), issued <= seconds + Self.leewaySeconds else {
            return APNsRefusal(403, "InvalidProviderToken")
        }
        guard seconds - issued <= Self.maxAgeSeconds else { return APNsRefusal(403, "ExpiredProviderToken") }
        if let last = connection.providerToken, last.text != text, seconds - last.since < Self.minSecondsBetween {
            return APNsRefusal(429, "TooManyProviderTokenUpdates")
        }
        if connection.providerToken?.text != text { connection.providerToken = (text, seconds) }
        return nil
    }

    /// The time it was made, if everything but its age is right.
    private mutating func verified(_ text: String) -> Int64? {
        guard let token = CompactToken(text), token.header.text("alg") == "ES256", token.header.text("kid") == keyID,
            token.claims.text("iss") == teamID, let issued = token.claims.whole("iat"),
            let signature = try? P256.Signing.ECDSASignature(rawRepresentation: token.signature),
            publicKey.isValidSignature(signature, for: token.signed)
        else { return nil }
        if issuedAt.count >= Self.maxRemembered { issuedAt.removeAll() }
        issuedAt[text] = issued
        return issued
    }
}
