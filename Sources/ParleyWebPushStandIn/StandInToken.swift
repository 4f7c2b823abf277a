import Crypto
import Foundation
public import ParleyModel
import ParleyWebPush

/// A token that was right (RFC 8292), and whom it names.
public struct StandInToken: Sendable, Equatable {
    public let audience: String
    public let subject: String?
    public let expiresAt: Timestamp
    /// The public key that signed it.
    public let serverKey: String

    struct Refusal: Error, Equatable {
        let status: Int
        let reason: String
    }

    /// Reads `vapid t=…, k=…`, checks the signature, and what the token says.
    static func read(_ header: String, origin: String, requiresContact: Bool, at now: Timestamp) throws(Refusal) -> StandInToken {
        guard header.hasPrefix("vapid ") else { throw Refusal(status: 401, reason: "Authorization is not of the scheme vapid") }
        var parameters: [String: String] = [:]
        for part in header.dropFirst("vapid ".count).split(separator: ",") {
            let pair = part.split(separator: "=", maxSplits: 1)
            guard pair.count == 2 else { throw Refusal(status: 401, reason: "Authorization cannot be read") }
            parameters[pair[0].trimmingCharacters(in: .whitespaces)] = String(pair[1])
        }
        guard let token = parameters["t"], let serverKey = parameters["k"] else {
            throw Refusal(status: 401, reason: "Authorization lacks t or k")
        }
        let claims = try claims(of: token, signedBy: serverKey)
        guard case .string(origin)? = claims["aud"] else { throw Refusal(status: 403, reason: "aud is not \(origin)") }
        guard case .integer(let seconds)? = claims["exp"] else { throw Refusal(status: 403, reason: "exp is missing") }
        let expiresAt = Timestamp(milliseconds: seconds * 1000)
        guard now < expiresAt else { throw Refusal(status: 403, reason: "exp is past") }
        guard expiresAt.seconds(since: now) <= 86_400 else { throw Refusal(status: 403, reason: "exp is more than 24 hours ahead") }
        let subject: String?
        if case .string(let text)? = claims["sub"] { subject = text } else { subject = nil }
        let isContact = subject.map { $0.hasPrefix("mailto:") || $0.hasPrefix("https://") } ?? !requiresContact
        guard isContact else { throw Refusal(status: 403, reason: "sub is no mailto: or https: address") }
        return StandInToken(audience: origin, subject: subject, expiresAt: expiresAt, serverKey: serverKey)
    }

    private static func claims(of token: String, signedBy serverKey: String) throws(Refusal) -> JSONObject {
        let parts = token.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let head = Base64URL.decode(parts[0]), let claims = Base64URL.decode(parts[1]),
            let signature = Base64URL.decode(parts[2]), case .object(let header)? = try? JSONParser.parse(Data(head)),
            case .object(let object)? = try? JSONParser.parse(Data(claims)), case .string("ES256")? = header["alg"]
        else { throw Refusal(status: 401, reason: "t is no ES256 token") }
        guard let point = Base64URL.decode(serverKey), point.count == 65,
            let key = try? P256.Signing.PublicKey(x963Representation: point),
            let proof = try? P256.Signing.ECDSASignature(rawRepresentation: signature),
            key.isValidSignature(proof, for: Data("\(parts[0]).\(parts[1])".utf8))
        else { throw Refusal(status: 403, reason: "t was not signed by k") }
        return object
    }
}
