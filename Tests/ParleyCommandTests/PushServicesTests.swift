import Foundation
import NIOPosix
import ParleyCore
import ParleyModel
import ParleyPush
import ParleyPushStandIns
import Testing

@testable import parley

/// What the settings make of push services.
struct PushServicesTests {
    static let apns = [
        "push.apns.key_file": "/nowhere/key.p8", "push.apns.key_id": "ABC1234567", "push.apns.team_id": "TEAM123456",
        "push.apns.topic": "org.example.chat",
    ]

    @Test func `without keys there is no push service`() async throws {
        let settings = try await Settings(flags: [:], environment: [:], file: nil)
        #expect(try PushServices(settings, time: SystemTimeSource()).providers.isEmpty)
    }

    @Test(arguments: apns.keys.sorted())
    func `a key for APNs without one of its names is refused by name, and a name without key`(missing: String) async throws {
        var flags = Self.apns
        flags[missing] = nil
        let refusal = await #expect(throws: Settings.Invalid.self) { _ = try await Settings(flags: flags, environment: [:], file: nil) }
        #expect(try #require(refusal).description.contains("; \(missing) is not set"))
        let alone = await #expect(throws: Settings.Invalid.self) {
            _ = try await Settings(flags: [missing: "ABC1234567"], environment: [:], file: nil)
        }
        #expect(try #require(alone).description.contains("are not set"))
    }

    @Test(arguments: [
        ("push.apns.localization_key", "KEY", "push.apns.key_file"), ("push.apns.url", "https://proxy", "push.apns.key_file"),
        ("push.apns.environment", "sandbox", "push.apns.key_file"), ("push.fcm.form", "data", "push.fcm.service_account_file"),
        ("push.fcm.channel_id", "messages", "push.fcm.service_account_file"),
        ("push.fcm.localization_key", "KEY", "push.fcm.service_account_file"),
        ("push.fcm.url", "https://proxy", "push.fcm.service_account_file"),
    ])
    func `what has no effect without a push service's key is refused`(option: String, value: String, key: String) async throws {
        let refusal = await #expect(throws: Settings.Invalid.self) {
            _ = try await Settings(flags: [option: value], environment: [:], file: nil)
        }
        #expect(try #require(refusal).description.contains("\(option) has no effect: \(key) is not set."))
    }

    @Test(arguments: [
        (apns, "push.apns.key_file: the file /nowhere/key.p8 is not there."),
        (
            ["push.fcm.service_account_file": "/nowhere/account.json"],
            "push.fcm.service_account_file: the file /nowhere/account.json is not there."
        ),
        (["push.trusted_certificates_file": "/nowhere/ca.pem"], "push.trusted_certificates_file: the file /nowhere/ca.pem is not there."),
    ])
    func `what is wrong with a file is said with its setting`(flags: [String: String], sentence: String) async throws {
        let settings = try await Settings(flags: flags, environment: [:], file: nil)
        let failure = #expect(throws: Failure.self) { try PushServices(settings, time: SystemTimeSource()) }
        #expect(try #require(failure).description == sentence)
    }

    @Test(
        arguments: [
            ("push.apns.key_id", "abc", "push.apns: the key id must have 10 characters, A-Z and 0-9."),
            ("push.apns.team_id", "TEAM12345", "push.apns: the team id must have 10 characters, A-Z and 0-9."),
            (
                "push.apns.topic", "my app",
                "push.apns: the topic must be the app's bundle id, such as com.example.chat: letters, digits, dots and hyphens."
            ),
            (
                "push.apns.url", "https://127.0.0.1/?x=1",
                "push.apns: its URL must be https:// with a host and nothing but a port and a path after it."
            ),
            (
                "push.apns.localization_key", String(repeating: "k", count: 257),
                "push.apns.localization_key: it has 257 bytes; 256 are the most, for it goes into every notification."
            ),
            ("push.apns.localization_key", "a b", "push.apns.localization_key: it must be a name without spaces and control characters."),
            (
                "push.fcm.localization_key", String(repeating: "ü", count: 200),
                "push.fcm.localization_key: it has 400 bytes; 256 are the most, for it goes into every notification."
            ),
            (
                "push.fcm.channel_id", String(repeating: "c", count: 5000),
                "push.fcm.channel_id: it has 5000 bytes; 256 are the most, for it goes into every notification."
            ),
            ("push.fcm.channel_id", "a\u{7}", "push.fcm.channel_id: it must be a name without spaces and control characters."),
            (
                "push.fcm.url", "https://user@127.0.0.1",
                "push.fcm: its URL must be https:// with a host and nothing but a port and a path after it."
            ),
        ])
    func `a wrong value is said with its setting`(key: String, value: String, sentence: String) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let (keyFile, accountFile) = (folder.appending(path: "key.p8"), folder.appending(path: "account.json"))
        try Data(APNsStandIn().keyPEM.utf8).write(to: keyFile)
        let fcm = FCMStandIn()
        try await fcm.start(group: MultiThreadedEventLoopGroup.singleton)
        try Data(fcm.serviceAccount().utf8).write(to: accountFile)
        try await fcm.close()
        var flags = Self.apns
        flags["push.apns.key_file"] = keyFile.path
        flags["push.fcm.service_account_file"] = accountFile.path
        // These are right.
        flags["push.apns.localization_key"] = String(repeating: "k", count: 256)
        flags["push.fcm.channel_id"] = "messages"
        let right = try PushServices(try await Settings(flags: flags, environment: [:], file: nil), time: SystemTimeSource())
        await right.close()
        flags[key] = value
        let settings = try await Settings(flags: flags, environment: [:], file: nil)
        let failure = #expect(throws: Failure.self) { try PushServices(settings, time: SystemTimeSource()) }
        #expect(try #require(failure).description == sentence)
    }

    @Test func `certificates that are none are refused, also before there is a push service to ask with them`() async throws {
        let file = FileManager.default.temporaryDirectory.appending(path: "parley-test-\(UUID().uuidString).pem")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("-----BEGIN NONSENSE-----".utf8).write(to: file)
        let settings = try await Settings(flags: ["push.trusted_certificates_file": file.path], environment: [:], file: nil)
        let failure = #expect(throws: Failure.self) { try PushServices(settings, time: SystemTimeSource()) }
        #expect(try #require(failure).description.hasPrefix("push.trusted_certificates_file: the trusted certificates cannot be read"))
    }

    @Test func `a file of the log that cannot be opened is said with its setting`() async throws {
        let settings = try await Settings(flags: ["push.log_file": "/nowhere/x"], environment: [:], file: nil)
        let failure = #expect(throws: Failure.self) { try PushWiring.log(settings, SystemTimeSource()) }
        #expect(try #require(failure).description == "push.log_file: cannot open /nowhere/x: No such file or directory.")
    }

    @Test func `several at once send by their settings alone`() async throws {
        let apns = APNsStandIn()
        let fcm = FCMStandIn()
        try await apns.start(group: MultiThreadedEventLoopGroup.singleton)
        try await fcm.start(group: MultiThreadedEventLoopGroup.singleton)
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func file(_ name: String, _ text: String) throws -> String {
            let url = folder.appending(path: name)
            try Data(text.utf8).write(to: url)
            return url.path
        }
        let settings = try await Settings(
            flags: [
                "push.apns.key_file": file("key.p8", apns.keyPEM), "push.apns.key_id": apns.configuration.keyID,
                "push.apns.team_id": apns.configuration.teamID, "push.apns.topic": "org.example.chat", "push.apns.url": apns.url,
                "push.fcm.service_account_file": file("account.json", fcm.serviceAccount()), "push.fcm.url": fcm.url,
                "push.trusted_certificates_file": file("ca.pem", apns.trustRoots + "\n" + fcm.trustRoots),
            ], environment: [:], file: nil)
        let services = try PushServices(settings, time: SystemTimeSource())
        #expect(services.providers.map(\.name) == ["apns", "fcm"])
        for (provider, address) in zip(
            services.providers, [PushAddress.apns(token: String(repeating: "ab", count: 32)), .fcm(token: "dQw4w9WgXcQ:APA91bH")])
        {
            let device = Device(id: .random(), userID: .random(), address: address, name: nil, createdAt: SystemTimeSource().now())
            let message = PushMessage(
                messageID: MessageID(high: 1, low: 1), conversationID: .random(), senderID: .random(), sequenceNumber: 1,
                createdAt: SystemTimeSource().now(), title: "Ada", text: "Hello")
            let answer = await provider.send(
                PushNotification(
                    content: .message(message), recipientID: device.userID, device: device, badge: 1,
                    expiresAt: SystemTimeSource().now().advanced(bySeconds: 60)))
            #expect(answer.sentence.hasPrefix("accepted"), "\(answer.sentence)")
        }
        await services.close()
        try await apns.close()
        try await fcm.close()
    }
}
