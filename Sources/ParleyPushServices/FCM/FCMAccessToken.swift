import AsyncHTTPClient
import JWTKit
import NIOCore
import NIOHTTP1
import ParleyCore
import ParleyModel
import ParleyPush

/// Access tokens (RFC 6749) for an assertion that the service account's key has signed (RFC 7523).
struct FCMAccessToken: Sendable {
    static let scope = "https://www.googleapis.com/auth/firebase.messaging"
    static let assertionSeconds: Int64 = 3600
    /// A token is renewed so long before its end, and not used in the last part of it.
    static let renewEarlySeconds = 300.0
    static let endEarlySeconds = 30.0
    static let minSecondsBetween = 10.0

    private struct Claims: JWTPayload {
        let iss: String
        let scope: String
        let aud: String
        let iat: Int64
        let exp: Int64

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    let account: FCMServiceAccount
    let client: PushHTTPClient
    let limits: PushServiceLimits

    func renewable(time: any TimeSource) -> RenewableToken {
        RenewableToken(rules: RenewableToken.Rules(minSecondsBetween: Self.minSecondsBetween), time: time) { now in
            await fetch(at: now)
        }
    }

    private func fetch(at now: Timestamp) async -> Result<RenewableToken.Token, RenewableToken.Failure> {
        guard let assertion = try? await assertion(at: now) else {
            return .failure(RenewableToken.Failure(after: nil, reason: "the assertion cannot be signed with the service account's key"))
        }
        var request = HTTPClientRequest(url: account.tokenURL)
        request.method = .POST
        request.headers = HTTPHeaders([("content-type", "application/x-www-form-urlencoded")])
        let body = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=\(assertion)"
        request.body = .bytes(ByteBuffer(string: body))
        let deadline = NIODeadline.now() + .milliseconds(Int64(limits.answerSeconds * 1000))
        switch await client.send(request, until: deadline) {
        case .success(let answer): return Self.token(answer, at: now)
        case .failure(let failure):
            return .failure(RenewableToken.Failure(after: nil, reason: "no access token for the service account: \(failure.reason)"))
        }
    }

    private func assertion(at now: Timestamp) async throws -> String {
        let keys = JWTKeyCollection()
        let keyID = JWKIdentifier(string: account.keyID)
        await keys.add(rsa: account.privateKey, digestAlgorithm: .sha256, kid: keyID)
        let seconds = now.milliseconds / 1000
        return try await keys.sign(
            Claims(
                iss: account.email, scope: Self.scope, aud: account.tokenURL, iat: seconds, exp: seconds + Self.assertionSeconds),
            kid: keyID)
    }

    static func token(_ answer: HTTPAnswer, at now: Timestamp) -> Result<RenewableToken.Token, RenewableToken.Failure> {
        guard case .object(let body)? = try? JSONParser.parse(answer.body), answer.status == 200 else {
            return .failure(refusal(answer, now))
        }
        guard case .string(let text)? = body["access_token"], isFieldText(text), let seconds = lifetime(body["expires_in"]) else {
            return .failure(RenewableToken.Failure(after: nil, reason: "no access token for the service account: the answer holds none"))
        }
        return .success(
            RenewableToken.Token(
                text: text, madeAt: now, renewAt: now.advanced(bySeconds: max(seconds / 2, seconds - renewEarlySeconds)),
                endsAt: now.advanced(bySeconds: seconds - min(endEarlySeconds, seconds / 4))))
    }

    /// Google says 3599; what is left out counts as that, and what is absurd as a day at most.
    private static func lifetime(_ value: JSONValue?) -> Double? {
        switch value {
        case nil: 3599
        case .integer(let seconds)? where seconds > 0: Double(min(seconds, 86_400))
        default: nil
        }
    }

    /// Visible ASCII: it becomes a header field.
    private static func isFieldText(_ text: String) -> Bool {
        (1...8192).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func refusal(_ answer: HTTPAnswer, _ now: Timestamp) -> RenewableToken.Failure {
        var reason = "no access token for the service account: status \(answer.status)"
        if case .object(let body)? = try? JSONParser.parse(answer.body), let word = body["error"].flatMap({ ReasonWord.word($0) }) {
            reason += " \(word)"
            switch word {
            case "invalid_grant": reason += ": was the key deleted, or is this machine's clock wrong?"
            case "invalid_client", "unauthorized_client", "disabled_client": reason += ": is the service account disabled?"
            default: break
            }
        }
        return RenewableToken.Failure(after: RetryAfter.seconds(answer.field("retry-after"), at: now), reason: reason)
    }
}
