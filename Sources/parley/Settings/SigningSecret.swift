import Foundation

/// Which secret signs and verifies HS256 tokens.
struct SigningSecret: Sendable {
    let text: String
    /// Made by parley itself for a first try, and kept in the data folder.
    let isDevelopment: Bool

    enum Missing: Error, CustomStringConvertible {
        case notLoopback(host: String)
        case nothingYet(folder: String)
        case cannotKeep(folder: String)

        var description: String {
            switch self {
            case .notLoopback(let host):
                """
                No key for tokens is set, and \(host) is not a loopback address. Set PARLEY_AUTH_SECRET to at least 32 random bytes \
                (openssl rand -hex 32) or PARLEY_AUTH_JWKS_FILE to a JWKS, or listen on 127.0.0.1 to try parley without.
                """
            case .cannotKeep(let folder):
                "The data folder \(folder) cannot be made or written. Choose another one with --data, or see to its permissions."
            case .nothingYet(let folder):
                "There is no secret: set PARLEY_AUTH_SECRET, or start parley serve once, which makes a development secret in \(folder)."
            }
        }
    }

    private static let fileName = "development-secret"

    /// The configured secret; nil when only a JWKS is configured; the development secret when nothing is and the address
    /// is a loopback one.
    static func forServing(_ settings: Settings) throws -> SigningSecret? {
        if let secret = settings.optional("auth.secret") { return SigningSecret(text: secret, isDevelopment: false) }
        if settings.optional("auth.jwks_file") != nil { return nil }
        let host = settings.text("host")
        guard isLoopback(host) else { throw Missing.notLoopback(host: host) }
        return SigningSecret(text: try developmentSecret(in: settings.text("data")), isDevelopment: true)
    }

    /// The secret to sign a token with, without making one.
    static func forSigning(_ settings: Settings) throws -> SigningSecret {
        if let secret = settings.optional("auth.secret") { return SigningSecret(text: secret, isDevelopment: false) }
        let folder = settings.text("data")
        guard let secret = read(in: folder) else { throw Missing.nothingYet(folder: folder) }
        return SigningSecret(text: secret, isDevelopment: true)
    }

    static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts[0] == "127" && parts.allSatisfy { UInt8($0) != nil }
    }

    private static func read(in folder: String) -> String? {
        guard let data = FileManager.default.contents(atPath: folder + "/" + fileName) else { return nil }
        let text = String(decoding: data, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        return text.utf8.count >= 32 ? text : nil
    }

    /// Random, so that no web page and no other user of the machine can guess it; kept, so that tokens outlive a restart.
    private static func developmentSecret(in folder: String) throws -> String {
        if let secret = read(in: folder) { return secret }
        let secret = (0..<4).map { _ in String(UInt64.random(in: .min ... .max) | 1 << 63, radix: 16) }.joined()
        do {
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let isKept = FileManager.default.createFile(
                atPath: folder + "/" + fileName, contents: Data(secret.utf8), attributes: [.posixPermissions: 0o600])
            guard isKept else { throw Missing.cannotKeep(folder: folder) }
        } catch {
            throw Missing.cannotKeep(folder: folder)
        }
        return secret
    }
}
