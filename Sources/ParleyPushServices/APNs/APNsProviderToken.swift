import JWTKit
import ParleyCore
import ParleyModel

/// Provider tokens: JWTs by which Apple knows who sends.
///
/// Apple refuses tokens that are older than an hour, and those who make a new one more often than every 20 minutes. So one is
/// made every 50 minutes, and never within 20, whatever Apple says of it.
enum APNsProviderToken {
    static let renewSeconds = 50.0 * 60
    static let endSeconds = 58.0 * 60
    static let minSecondsBetween = 20.0 * 60

    private struct Claims: JWTPayload {
        let iss: String
        let iat: Int64

        func verify(using algorithm: some JWTAlgorithm) {}
    }

    static func renewable(_ configuration: APNsConfiguration, time: any TimeSource) -> RenewableToken {
        RenewableToken(rules: RenewableToken.Rules(minSecondsBetween: minSecondsBetween), time: time) { now in
            do {
                return .success(
                    RenewableToken.Token(
                        text: try await signed(configuration, at: now), madeAt: now, renewAt: now.advanced(bySeconds: renewSeconds),
                        endsAt: now.advanced(bySeconds: endSeconds)))
            } catch {
                return .failure(RenewableToken.Failure(after: nil, reason: "the provider token cannot be signed"))
            }
        }
    }

    private static func signed(_ configuration: APNsConfiguration, at now: Timestamp) async throws -> String {
        let keys = JWTKeyCollection()
        let keyID = JWKIdentifier(string: configuration.keyID)
        await keys.add(ecdsa: configuration.key.privateKey, kid: keyID)
        return try await keys.sign(Claims(iss: configuration.teamID, iat: now.milliseconds / 1000), kid: keyID)
    }
}
