import Foundation
import ParleyModel
import Testing

@testable import ParleyWebPush
@testable import ParleyWebPushStandIn

struct VAPIDKeyTests {
    /// Made with openssl for these tests, and used nowhere else.
    private static let sec1 = """
        -----BEGIN EC PARAMETERS-----
        BggqhkjOPQMBBw==
        -----END EC PARAMETERS-----
        -----BEGIN EC PRIVATE KEY-----
        MHcCAQEEIHKO1WHwUUneVIJwveCyJ5LGoGHFWy7p9X0fj02FIA6boAoGCCqGSM49
        AwEHoUQDQgAE+bnmeV9yMOTwGnFMkKQg78kdOv9Qds7AbxqcOKkCebD724TVIpr7
        rLVF7VVcBd7xy4C51YNjixIVl5+SWve5/Q==
        -----END EC PRIVATE KEY-----
        """
    private static let pkcs8 = """
        -----BEGIN PRIVATE KEY-----
        MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgco7VYfBRSd5UgnC9
        4LInksagYcVbLun1fR+PTYUgDpuhRANCAAT5ueZ5X3Iw5PAacUyQpCDvyR06/1B2
        zsBvGpw4qQJ5sPvbhNUimvustUXtVVwF3vHLgLnVg2OLEhWXn5Ja97n9
        -----END PRIVATE KEY-----
        """
    private static let publicKey = "BPm55nlfcjDk8BpxTJCkIO_JHTr_UHbOwG8anDipAnmw-9uE1SKa-6y1Re1VXAXe8cuAudWDY4sSFZefklr3uf0"
    private static let p384 = """
        -----BEGIN EC PRIVATE KEY-----
        MIGkAgEBBDBw2It2+9ps6228KeDK1Mz9hEo5R39LaYVlTVX+ASPySNiO7P2v2GcL
        aq5hi3T1rS+gBwYFK4EEACKhZANiAAS81O5ipGf6TwvRu1Hbcmft8RiYRMHGKe6c
        PQTXTpSJqlzvnLu6kb/j6KMwTsjTBj7UESX5BaJaFhI+9XpnaRZaJ7tWIPTH/CPf
        HVrJQzYJOTBd//cditVTbLArNg5hmbI=
        -----END EC PRIVATE KEY-----
        """

    @Test(arguments: [sec1, pkcs8, pkcs8.replacingOccurrences(of: "\n", with: "\r\n")])
    func `what openssl writes is read, in both forms`(pem: String) throws {
        #expect(try VAPIDKey(pem: pem).publicKey == Self.publicKey)
    }

    @Test func `a key that was made is read back`() throws {
        let key = VAPIDKey.random()
        #expect(try VAPIDKey(pem: key.pem).publicKey == key.publicKey)
        #expect(VAPIDKey.random().publicKey != key.publicKey)
    }

    @Test(
        arguments: [
            ("", .noKey), ("BPm55nlfcjDk8BpxTJCkIO", .noKey),
            ("-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----", .publicOnly),
            ("-----BEGIN CERTIFICATE-----\nMFkw\n-----END CERTIFICATE-----", .publicOnly),
            ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n-----END ENCRYPTED PRIVATE KEY-----", .encrypted), (p384, .notP256),
            ("-----BEGIN PRIVATE KEY-----\nMIGHAgEA\n-----END PRIVATE KEY-----", .notP256),
            ("-----BEGIN PRIVATE KEY-----\nMIGHAgEA", .noKey),
        ] as [(String, VAPIDKey.Fault)])
    func `what is no key is refused with what it is`(pem: String, fault: VAPIDKey.Fault) {
        #expect(throws: fault) { try VAPIDKey(pem: pem) }
    }

    @Test func `a folder's key is made once, for its user only, and never overwritten`() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-webpush-\(UUID())").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let made = try VAPIDKeyFile.readOrMake(inFolder: folder)
        #expect(try VAPIDKeyFile.readOrMake(inFolder: folder).publicKey == made.publicKey)
        let path = folder + "/" + VAPIDKeyFile.name
        #expect(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int == 0o600)
        #expect(throws: VAPIDKeyFile.Failure.self) { try VAPIDKeyFile.make(path, .random()) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [VAPIDKeyFile.name])

        try Data("broken".utf8).write(to: URL(filePath: path))
        let failure = #expect(throws: VAPIDKeyFile.Failure.self) { try VAPIDKeyFile.readOrMake(inFolder: folder) }
        #expect(failure?.description.contains("\(path) holds no private key") == true)
        #expect(throws: VAPIDKeyFile.Failure.self) { try VAPIDKeyFile.readOrMake(inFolder: folder + "/nowhere") }
    }

    @Test(arguments: [
        ("mailto:push@example.com", true), ("https://example.com/contact", true), ("https://example.com", true),
        ("push@example.com", false),
        ("mailto:push", false), ("mailto:@example.com", false), ("mailto:push@localhost", false), ("http://example.com", false),
        ("https://localhost/", false), ("mailto: push@example.com", false), ("mailto:<push@example.com>", false), ("", false),
        ("mailto:a\"@example.com", false),
    ])
    func `a contact is an address that somebody can be reached at`(text: String, isGood: Bool) {
        #expect((VAPIDContact(text) != nil) == isGood)
    }
}

struct VAPIDTokensTests {
    private let key = VAPIDKey.random()

    private func token(_ header: String, _ origin: String = "https://push.example.com", at now: Timestamp) throws -> StandInToken {
        try StandInToken.read(header, origin: origin, requiresContact: true, at: now)
    }

    @Test func `a token names the push service, the contact and twelve hours, and its key has signed it`() throws {
        let tokens = VAPIDTokens(key: key, contact: VAPIDContact("mailto:push@example.com"))
        let token = try token(try tokens.header(for: "https://push.example.com", at: Sample.now), at: Sample.now)
        #expect(token.audience == "https://push.example.com")
        #expect(token.subject == "mailto:push@example.com")
        #expect(token.expiresAt == Sample.now.advanced(bySeconds: 12 * 3600))
        #expect(token.serverKey == key.publicKey)
    }

    @Test func `a token is used again until an hour before its end, each push service's own`() throws {
        let tokens = VAPIDTokens(key: key, contact: VAPIDContact("mailto:push@example.com"))
        let first = try tokens.header(for: "https://push.example.com", at: Sample.now)
        #expect(try tokens.header(for: "https://other.example.com", at: Sample.now) != first)
        #expect(try tokens.header(for: "https://push.example.com", at: Sample.now.advanced(bySeconds: 11 * 3600)) == first)
        let later = Sample.now.advanced(bySeconds: 11 * 3600 + 1)
        let second = try tokens.header(for: "https://push.example.com", at: later)
        #expect(second != first)
        #expect(try token(second, at: later).expiresAt == later.advanced(bySeconds: 12 * 3600))
    }

    @Test func `a clock that was set back, and a doubtful answer, make a new token`() throws {
        let tokens = VAPIDTokens(key: key, contact: VAPIDContact("mailto:push@example.com"))
        let first = try tokens.header(for: "https://push.example.com", at: Sample.now)
        let back = try tokens.header(for: "https://push.example.com", at: Sample.now.advanced(bySeconds: -7200))
        #expect(back != first)
        tokens.forget("https://push.example.com")
        #expect(try tokens.header(for: "https://push.example.com", at: Sample.now.advanced(bySeconds: -7200)) != back)
    }
}
