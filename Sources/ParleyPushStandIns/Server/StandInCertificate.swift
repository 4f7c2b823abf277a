import Crypto
import Foundation
import NIOSSL
import SwiftASN1
import X509

/// A certificate for 127.0.0.1 and localhost that signed itself; made anew for each stand-in, never on a disk.
struct StandInCertificate {
    let certificate: NIOSSLCertificate
    let privateKey: NIOSSLPrivateKey
    /// For those who are to trust it.
    let pem: String

    init() throws {
        let key = P256.Signing.PrivateKey()
        // Its own name, so that who trusts several finds the right one.
        let name = try DistinguishedName { CommonName("Parley stand-in \(UUID().uuidString)") }
        let now = Date()
        let signed = try Certificate(
            version: .v3, serialNumber: Certificate.SerialNumber(), publicKey: Certificate.PublicKey(key.publicKey),
            notValidBefore: now.addingTimeInterval(-86_400), notValidAfter: now.addingTimeInterval(30 * 86_400), issuer: name,
            subject: name,
            signatureAlgorithm: .ecdsaWithSHA256,
            extensions: Certificate.Extensions {
                Critical(BasicConstraints.isCertificateAuthority(maxPathLength: nil))
                SubjectAlternativeNames([.dnsName("localhost"), .ipAddress(ASN1OctetString(contentBytes: [127, 0, 0, 1]))])
            },
            issuerPrivateKey: Certificate.PrivateKey(key))
        let document = try signed.serializeAsPEM()
        pem = document.pemString
        certificate = try NIOSSLCertificate(bytes: document.derBytes, format: .der)
        privateKey = try NIOSSLPrivateKey(bytes: Array(key.derRepresentation), format: .der)
    }
}
