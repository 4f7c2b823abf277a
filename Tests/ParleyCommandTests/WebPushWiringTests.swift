import Foundation
import Logging
import ParleyCore
import Testing

@testable import parley

struct WebPushWiringTests {
    private static let cluster = [
        "mongodb.url": "mongodb://127.0.0.1", "postgres.url": "postgres://127.0.0.1/a", "redis.url": "redis://127.0.0.1",
        "amqp.url": "amqp://127.0.0.1",
    ]

    private func wiring(_ flags: [String: String], sends: Bool = true) async throws -> WebPushWiring {
        let settings = try await Settings(flags: flags, environment: [:], file: nil)
        let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return try WebPushWiring(settings, sends: sends, SystemTimeSource(), quiet)
    }

    private func withFolder(_ test: (String) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-test-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await test(folder)
    }

    @Test func `embedded, the key is made without any setting, and stays`() async throws {
        try await withFolder { folder in
            let first = try await wiring(["data": folder])
            #expect(first.publicKey?.count == 87)
            #expect(first.providers.count == 1 && first.services.count == 1)
            #expect(try await wiring(["data": folder]).publicKey == first.publicKey)
        }
    }

    @Test func `a cluster without a key file, and a server without notifications, send nothing and make no key`() async throws {
        try await withFolder { folder in
            for flags in [Self.cluster, ["push.provider": "none"]] {
                let wiring = try await wiring(flags.merging(["data": folder]) { $1 })
                #expect(wiring.publicKey == nil && wiring.providers.isEmpty && wiring.services.isEmpty)
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
        }
    }

    @Test func `a node that sends nothing tells the key all the same`() async throws {
        try await withFolder { folder in
            let key = try await wiring(["data": folder]).publicKey
            let file = ["push.webpush.key_file": folder + "/webpush-key.pem", "push.webpush.contact": "mailto:push@example.com"]
            let node = try await wiring(Self.cluster.merging(file) { $1 }, sends: false)
            #expect(node.publicKey == key)
            #expect(node.providers.isEmpty)
        }
    }

    @Test(arguments: ["https://fcm.googleapis.com", "fcm.googleapis.com/x", "*", "*.", "a.*.com", "fcm.googleapis.com:443", "ü.com"])
    func `a host that no push service can have is refused by name`(host: String) async throws {
        try await withFolder { folder in
            let failure = await #expect(throws: Failure.self) {
                try await wiring(["data": folder, "push.webpush.hosts": "fcm.googleapis.com, \(host)"])
            }
            #expect(try #require(failure).description.hasPrefix("push.webpush.hosts must be names"))
            _ = try await wiring(["data": folder, "push.webpush.hosts": "FCM.googleapis.com, *.push.apple.com,a_b.example"])
        }
    }

    @Test func `a key file without a contact is refused`() async throws {
        try await withFolder { folder in
            _ = try await wiring(["data": folder])
            await #expect(throws: Failure.self) { try await wiring(["push.webpush.key_file": folder + "/webpush-key.pem"]) }
        }
    }
}
