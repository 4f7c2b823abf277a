import Crypto
import Foundation
import ParleyModel
import ParleyWebPush

/// A browser's side of a subscription: its keys, and reading what is encrypted to them (RFC 8291, and the decoder of RFC 8188).
struct StandInSubscription: Sendable {
    let serverKey: String?
    private let privateKey = P256.KeyAgreement.PrivateKey()
    private let authSecret: [UInt8] = (0..<16).map { _ in UInt8.random(in: .min ... .max) }

    func subscription(endpoint: String) -> WebPushSubscription {
        WebPushSubscription(
            endpoint: endpoint, p256dh: Base64URL.encode(privateKey.publicKey.x963Representation), auth: Base64URL.encode(authSecret))
    }

    /// What was meant, and the length of the record. Nil when this browser cannot read it.
    func decrypt(_ body: [UInt8]) -> (plaintext: [UInt8], paddedLength: Int)? {
        guard body.count > 21, body[20] == 65, body.count >= 86 + 17 else { return nil }
        let salt = Data(body[0..<16])
        let recordSize = body[16..<20].reduce(0) { $0 << 8 | Int($1) }
        let sender = Data(body[21..<86])
        let record = Data(body[86...])
        guard recordSize >= 18, record.count <= recordSize,
            let senderKey = try? P256.KeyAgreement.PublicKey(x963Representation: sender),
            let secret = try? privateKey.sharedSecretFromKeyAgreement(with: senderKey)
        else { return nil }
        let info = Data("WebPush: info\0".utf8) + privateKey.publicKey.x963Representation + sender
        let material = secret.hkdfDerivedSymmetricKey(using: SHA256.self, salt: authSecret, sharedInfo: info, outputByteCount: 32)
        let pseudoRandom = HKDF<SHA256>.extract(inputKeyMaterial: material, salt: salt)
        func expand(_ info: String, _ count: Int) -> SymmetricKey {
            HKDF<SHA256>.expand(pseudoRandomKey: pseudoRandom, info: Data(info.utf8), outputByteCount: count)
        }
        guard let nonce = try? expand("Content-Encoding: nonce\0", 12).withUnsafeBytes({ try AES.GCM.Nonce(data: $0) }),
            let box = try? AES.GCM.SealedBox(nonce: nonce, ciphertext: record.dropLast(16), tag: record.suffix(16)),
            let opened = try? AES.GCM.open(box, using: expand("Content-Encoding: aes128gcm\0", 16)),
            let end = opened.lastIndex(where: { $0 != 0 }), opened[end] == 2
        else { return nil }
        return ([UInt8](opened[..<end]), opened.count)
    }
}
