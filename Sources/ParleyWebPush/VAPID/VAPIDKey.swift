import Crypto

/// The key pair by which push services and browsers know this deployment (RFC 8292). A browser ties its subscription to the
/// public key: with another one, its notifications are refused until it subscribes anew.
public struct VAPIDKey: Sendable {
    let privateKey: P256.Signing.PrivateKey

    /// What `pushManager.subscribe` takes as its `applicationServerKey`: the uncompressed point in base64url.
    public var publicKey: String { Base64URL.encode(privateKey.publicKey.x963Representation) }

    /// The private key as PKCS #8.
    public var pem: String { privateKey.pemRepresentation + "\n" }

    private init(_ privateKey: P256.Signing.PrivateKey) {
        self.privateKey = privateKey
    }

    public static func random() -> VAPIDKey { VAPIDKey(P256.Signing.PrivateKey()) }

    /// Reads the private key of a PEM file, as PKCS #8 or as SEC 1; blocks of other kinds beside it are skipped.
    public init(pem: String) throws(Fault) {
        guard let block = Self.block(of: ["PRIVATE KEY", "EC PRIVATE KEY"], in: pem) else { throw Self.fault(withoutKey: pem) }
        do {
            self.init(try P256.Signing.PrivateKey(pemRepresentation: block))
        } catch {
            throw .notP256
        }
    }

    /// What `openssl ecparam -genkey` writes begins with a block of parameters.
    private static func block(of names: [String], in pem: String) -> String? {
        for name in names {
            let (begin, end) = ("-----BEGIN \(name)-----", "-----END \(name)-----")
            guard let start = pem.firstRange(of: begin), let stop = pem[start.upperBound...].firstRange(of: end) else { continue }
            return String(pem[start.lowerBound..<stop.upperBound])
        }
        return nil
    }

    private static func fault(withoutKey pem: String) -> Fault {
        if pem.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----") { return .encrypted }
        if pem.contains("-----BEGIN PUBLIC KEY-----") || pem.contains("-----BEGIN CERTIFICATE-----") { return .publicOnly }
        return .noKey
    }

    /// Why a text is no VAPID key, after "the file …".
    public enum Fault: Error, Equatable, CustomStringConvertible {
        case noKey
        case publicOnly
        case encrypted
        case notP256

        public var description: String {
            switch self {
            case .noKey: "holds no private key in PEM form (-----BEGIN PRIVATE KEY-----); make one with: parley push webpush-key"
            case .publicOnly: "holds a public key or a certificate, but Web Push needs the private key"
            case .encrypted: "holds a key behind a password; take it off with: openssl pkey -in FILE -out KEY.pem"
            case .notP256: "holds a private key that is damaged or not on the curve P-256; make one with: parley push webpush-key"
            }
        }
    }
}
