import Foundation
import JWTKit
import ParleyModel

/// The account in whose name FCM is used: a JSON file from the Firebase console.
public struct FCMServiceAccount: Sendable {
    public let projectID: String
    /// `client_email`.
    public let email: String
    let keyID: String
    let privateKey: Insecure.RSA.PrivateKey
    /// Where access tokens are given out.
    let tokenURL: String

    /// Reads the file. Throws a sentence about what is wrong with it.
    public init(file path: String) throws(PushKeyError) {
        let text = try KeyFile.text(at: path)
        do {
            try self.init(json: text)
        } catch {
            throw PushKeyError("the file \(path) \(error.description)")
        }
    }

    /// Throws what follows "the file …".
    init(json: String) throws(PushKeyError) {
        guard case .object(let object)? = try? JSONParser.parse(json.utf8) else {
            throw PushKeyError("does not hold a JSON object, as the one that the Firebase console gives for a service account")
        }
        try Self.checkKind(object)
        projectID = try Self.member("project_id", of: object)
        email = try Self.member("client_email", of: object)
        keyID = try Self.member("private_key_id", of: object)
        let pem = try Self.member("private_key", of: object)
        let address = try Self.member("token_uri", of: object)
        guard Self.isProjectID(projectID) else { throw PushKeyError("has a project_id that is none") }
        do { tokenURL = try PushServiceURL.checked(address) } catch { throw PushKeyError("has a token_uri that is not an https address") }
        do {
            privateKey = try Insecure.RSA.PrivateKey(pem: pem)
        } catch {
            throw PushKeyError("has a private_key that is not an RSA key of at least 2048 bits as PEM")
        }
    }

    private static func checkKind(_ object: JSONObject) throws(PushKeyError) {
        if object["project_info"] != nil {
            throw PushKeyError("is the app's google-services.json: the key of a service account is needed")
        }
        let kind = try member("type", of: object)
        guard kind == "service_account" else {
            throw PushKeyError("holds credentials of another type than service_account")
        }
    }

    private static func member(_ name: String, of object: JSONObject) throws(PushKeyError) -> String {
        guard case .string(let text)? = object[name], !text.isEmpty else {
            throw PushKeyError("has no \(name): it is not a service account's key, or not all of it")
        }
        return text
    }

    private static func isProjectID(_ text: String) -> Bool {
        text.utf8.count <= 100
            && text.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte) || [0x2D, 0x2E, 0x3A].contains(byte)
            }
    }
}
