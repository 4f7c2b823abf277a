import Crypto
import Foundation
import ParleyPushStandIns
import Testing

@testable import ParleyPushServices

/// Key files are checked at the start, and what is wrong with them is said in a sentence.
struct PushKeyTests {
    private static let goodKey = P256.Signing.PrivateKey().pemRepresentation

    private static func pem(_ label: String, _ bytes: [UInt8] = Array(repeating: 7, count: 60)) -> String {
        "-----BEGIN \(label)-----\n\(Data(bytes).base64EncodedString())\n-----END \(label)-----\n"
    }

    private static let damaged = {
        let lines = goodKey.split(separator: "\n").map(String.init)
        return ([lines[0]] + [String(lines[1].prefix(48))] + [lines[lines.count - 1]]).joined(separator: "\n")
    }()

    static let wrongKeys: [(text: String, sentence: String)] = [
        ("hello", "is not PEM"),
        ("{\"type\":\"service_account\"}", "is not PEM"),
        (pem("ENCRYPTED PRIVATE KEY"), "holds an encrypted key"),
        (pem("RSA PRIVATE KEY"), "holds an RSA key"),
        (pem("CERTIFICATE"), "holds a CERTIFICATE instead of a PRIVATE KEY"),
        (P256.Signing.PrivateKey().publicKey.pemRepresentation, "holds a PUBLIC KEY instead of a PRIVATE KEY"),
        (P384.Signing.PrivateKey().pemRepresentation, "not on the curve P-256"),
        (pem("PRIVATE KEY"), "not on the curve P-256"),
        (damaged, "damaged"),
    ]

    @Test(arguments: wrongKeys)
    func `a file that is no key of APNs is refused with a sentence`(text: String, sentence: String) throws {
        let file = try TemporaryFile(text)
        let error = withExtendedLifetime(file) { #expect(throws: PushKeyError.self) { try APNsKey(file: file.path) } }
        let description = try #require(error).description
        #expect(description.hasPrefix("the file \(file.path) "))
        #expect(description.contains(sentence), "\(description)")
    }

    @Test func `a good key is taken, with other line ends too`() throws {
        let file = try TemporaryFile(Self.goodKey)
        try withExtendedLifetime(file) { _ = try APNsKey(file: file.path) }
        _ = try APNsKey(pem: Self.goodKey.replacingOccurrences(of: "\n", with: "\r\n"))
    }

    @Test func `a file that is not there, empty, a folder or no text is said to be that`() throws {
        func sentence(_ path: String) throws -> String {
            try #require(#expect(throws: PushKeyError.self) { try APNsKey(file: path) }).description
        }
        #expect(try sentence("/nowhere/key.p8") == "the file /nowhere/key.p8 is not there")
        #expect(try sentence("/tmp") == "/tmp is a folder, not a file")
        for (bytes, end) in [(Data(), "is empty"), (Data([0xFF, 0xFE, 0x00]), "does not hold text")] {
            let file = try TemporaryFile(bytes)
            try withExtendedLifetime(file) {
                let said = try sentence(file.path)
                #expect(said.hasSuffix(end))
            }
        }
    }

    static let wrongAccounts: [(change: [String: String?], sentence: String)] = [
        (["type": "authorized_user"], "credentials of another type"),
        (["type": nil], "has no type"),
        (["project_id": nil], "has no project_id"),
        (["client_email": nil], "has no client_email"),
        (["private_key_id": nil], "has no private_key_id"),
        (["private_key": nil], "has no private_key"),
        (["private_key": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"], "not an RSA key"),
        (["private_key": goodKey], "not an RSA key"),
        (["token_uri": "http://oauth2.googleapis.com/token"], "not an https address"),
        (["token_uri": nil], "has no token_uri"),
        (["project_id": "a/b"], "project_id that is none"),
        (["project_info": "{}"], "google-services.json"),
    ]

    @Test(arguments: wrongAccounts)
    func `a file that is no service account is refused with a sentence`(change: [String: String?], sentence: String) throws {
        let account = try JSONSerialization.jsonObject(with: Data(FCMStandIn().serviceAccount().utf8)) as? [String: String]
        var members = try #require(account)
        // A stand-in that does not run yet has no address.
        members["token_uri"] = "https://oauth2.googleapis.com/token"
        for (name, value) in change { members[name] = value }
        let file = try TemporaryFile(JSONSerialization.data(withJSONObject: members))
        let error = withExtendedLifetime(file) { #expect(throws: PushKeyError.self) { try FCMServiceAccount(file: file.path) } }
        let description = try #require(error).description
        #expect(description.hasPrefix("the file \(file.path) "))
        #expect(description.contains(sentence), "\(description)")
    }

    @Test(arguments: ["", "[]", "-----BEGIN PRIVATE KEY-----"])
    func `a service account is one JSON object`(text: String) {
        #expect(throws: PushKeyError.self) { try FCMServiceAccount(json: text) }
    }

    static let wrongNames: [(keyID: String, teamID: String, topic: String, url: String?, sentence: String)] = [
        ("ABC123456", "TEAM123456", "a.b", nil, "key id must have 10 characters"),
        ("abc1234567", "TEAM123456", "a.b", nil, "key id must have 10 characters"),
        ("ABC1234567", "TEAM12345é", "a.b", nil, "team id must have 10 characters"),
        ("ABC1234567", "TEAM123456", "", nil, "bundle id"),
        ("ABC1234567", "TEAM123456", "a b", nil, "bundle id"),
        ("ABC1234567", "TEAM123456", "a.b", "http://127.0.0.1", "https://"),
        ("ABC1234567", "TEAM123456", "a.b", "https://user@host", "https://"),
        ("ABC1234567", "TEAM123456", "a.b", "https://", "https://"),
    ]

    @Test(arguments: wrongNames)
    func `ids, topic and URL are checked`(keyID: String, teamID: String, topic: String, url: String?, sentence: String) throws {
        let key = try APNsKey(pem: Self.goodKey)
        let error = #expect(throws: PushKeyError.self) {
            try APNsConfiguration(key: key, keyID: keyID, teamID: teamID, topic: topic, url: url)
        }
        #expect(try #require(error).description.contains(sentence))
        _ = try APNsConfiguration(key: key, keyID: "ABC1234567", teamID: "TEAM123456", topic: "org.example.chat-app")
    }

    @Test func `trusted certificates are PEM`() {
        #expect(throws: PushKeyError.self) { try PushHTTPClient(trustRoots: "none") }
        #expect(throws: PushKeyError.self) { try PushHTTPClient(trustRoots: Self.goodKey) }
    }
}

/// A file that is gone with it.
final class TemporaryFile: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "parley-push-\(UUID().uuidString)").path

    init(_ bytes: Data) throws { try bytes.write(to: URL(filePath: path)) }

    convenience init(_ text: String) throws { try self.init(Data(text.utf8)) }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
