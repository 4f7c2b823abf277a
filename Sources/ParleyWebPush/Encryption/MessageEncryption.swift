import Crypto
import Foundation

/// Encrypts a message to a browser (RFC 8291): keys agreed with its subscription, then one record of the content encoding
/// `aes128gcm` (RFC 8188). Only the browser can read it; the push service cannot.
struct MessageEncryption {
    /// The body that every push service takes (RFC 8030, section 7.2); more need not be.
    static let bodyLimit = 4096
    private static let headerLength = 16 + 4 + 1 + 65
    private static let tagLength = 16
    /// What fits into such a body beside its header, the tag and the delimiter: 3993 bytes.
    static let plaintextLimit = bodyLimit - headerLength - tagLength - 1

    /// Drawn anew for each message; never used twice.
    let ephemeralKey: P256.KeyAgreement.PrivateKey
    let salt: [UInt8]

    init(ephemeralKey: P256.KeyAgreement.PrivateKey = P256.KeyAgreement.PrivateKey(), salt: [UInt8] = randomSalt()) {
        self.ephemeralKey = ephemeralKey
        self.salt = salt
    }

    static func randomSalt() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }

    /// The body of a request.
    ///
    /// - Parameter paddedLength: What a shorter plaintext is filled up to with zeros, so that its length tells little.
    func body(_ plaintext: [UInt8], to keys: SubscriptionKeys, paddedLength: Int = 0) throws -> [UInt8] {
        let ownPublicKey = ephemeralKey.publicKey.x963Representation
        let secret = try ephemeralKey.sharedSecretFromKeyAgreement(with: keys.publicKey)
        let keyInfo = Data("WebPush: info\0".utf8) + keys.publicKey.x963Representation + ownPublicKey
        let material = secret.hkdfDerivedSymmetricKey(
            using: SHA256.self, salt: keys.authSecret, sharedInfo: keyInfo, outputByteCount: 32)
        let key = derived(from: material, "Content-Encoding: aes128gcm\0", count: 16)
        let nonce = derived(from: material, "Content-Encoding: nonce\0", count: 12)

        // The delimiter 2 ends the last record, and this is the only one; zeros may follow.
        let padding = [UInt8](repeating: 0, count: max(0, min(paddedLength, Self.plaintextLimit) - plaintext.count))
        let record = plaintext + [2] + padding
        let sealed = try AES.GCM.seal(record, using: key, nonce: nonce.withUnsafeBytes { try AES.GCM.Nonce(data: $0) })

        var body = salt
        withUnsafeBytes(of: UInt32(Self.bodyLimit).bigEndian) { body.append(contentsOf: $0) }
        body.append(UInt8(ownPublicKey.count))
        body.append(contentsOf: ownPublicKey)
        body.append(contentsOf: sealed.ciphertext)
        body.append(contentsOf: sealed.tag)
        return body
    }

    private func derived(from material: SymmetricKey, _ info: String, count: Int) -> SymmetricKey {
        HKDF<SHA256>.deriveKey(inputKeyMaterial: material, salt: salt, info: Data(info.utf8), outputByteCount: count)
    }
}
