import Crypto
import Foundation
import JWTKit

/// The key with which provider tokens are signed: a .p8 file from Apple's developer account.
public struct APNsKey: Sendable {
    let privateKey: ES256PrivateKey

    /// Reads the file. Throws a sentence about what is wrong with it.
    public init(file path: String) throws(PushKeyError) {
        let text = try KeyFile.text(at: path)
        do {
            try self.init(pem: text)
        } catch {
            throw PushKeyError("the file \(path) \(error.description)")
        }
    }

    /// `pem`: PKCS #8, as Apple gives it. Throws what follows "the file …".
    init(pem: String) throws(PushKeyError) {
        guard let label = Self.label(of: pem) else {
            throw PushKeyError("is not PEM: a line -----BEGIN PRIVATE KEY----- is expected, as in the .p8 file that Apple gives")
        }
        switch label {
        case "PRIVATE KEY", "EC PRIVATE KEY": break
        case "ENCRYPTED PRIVATE KEY": throw PushKeyError("holds an encrypted key: one without passphrase is needed")
        case "RSA PRIVATE KEY": throw PushKeyError("holds an RSA key: APNs takes keys on the curve P-256 only")
        default: throw PushKeyError("holds a \(label) instead of a PRIVATE KEY")
        }
        do {
            privateKey = try ES256PrivateKey(pem: pem)
        } catch {
            throw PushKeyError(Self.isForP256(pem) ? "holds a damaged key" : "holds a key that is not on the curve P-256")
        }
    }

    /// What stands behind the first -----BEGIN.
    private static func label(of pem: String) -> String? {
        guard let begin = pem.range(of: "-----BEGIN "), let end = pem[begin.upperBound...].range(of: "-----") else { return nil }
        let label = String(pem[begin.upperBound..<end.lowerBound])
        return label.utf8.count <= 64 && label.allSatisfy { $0.isASCII && ($0.isLetter || $0 == " ") } ? label : nil
    }

    /// Whether the curve's name (1.2.840.10045.3.1.7, as DER) stands in it.
    private static func isForP256(_ pem: String) -> Bool {
        let lines = pem.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }
        guard let bytes = Data(base64Encoded: lines.joined(), options: .ignoreUnknownCharacters) else { return true }
        return bytes.range(of: Data([0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07])) != nil || bytes.count < 32
    }
}
