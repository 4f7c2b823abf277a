import Crypto
package import ParleyModel

/// The keys of a browser's subscription, read and checked.
package struct SubscriptionKeys: Sendable {
    let publicKey: P256.KeyAgreement.PublicKey
    let authSecret: [UInt8]

    /// What is wrong with them, for whoever registers the device.
    package struct Fault: Error, Equatable {
        package let field: String
        package let complaint: String
    }

    package init(_ subscription: WebPushSubscription) throws(Fault) {
        guard let point = Base64URL.decode(subscription.p256dh), point.count == 65, point[0] == 0x04,
            // This checks that the point is on the curve: RFC 8291, section 7 asks for it.
            let publicKey = try? P256.KeyAgreement.PublicKey(x963Representation: point)
        else {
            throw Fault(field: "p256dh", complaint: "must be a public key on the curve P-256, uncompressed: 65 bytes in base64url")
        }
        guard let authSecret = Base64URL.decode(subscription.auth), authSecret.count == 16 else {
            throw Fault(field: "auth", complaint: "must be a secret of 16 bytes in base64url: 22 characters")
        }
        self.publicKey = publicKey
        self.authSecret = authSecret
    }
}
