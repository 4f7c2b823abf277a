import Foundation
import ParleyEngines
import ParleyPushStandIns
import ParleyWebPush
import Testing

@testable import parley

/// What `parley doctor` says of the keys of push services.
struct PushExaminationTests {
    /// A folder with a good key of each kind, and the settings that name them.
    private struct Scene {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-test-\(UUID().uuidString)")
        var flags: [String: String] = [:]

        init(keyName: String = "AuthKey_ABC1234567.p8") throws {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let apns = APNsStandIn()
            flags = [
                "data": folder.path, "push.apns.key_file": try write(keyName, apns.keyPEM), "push.apns.key_id": apns.configuration.keyID,
                "push.apns.team_id": apns.configuration.teamID, "push.apns.topic": "org.example.chat",
                "push.fcm.service_account_file": try write("account.json", Self.account()),
                "push.webpush.key_file": try write("webpush.pem", VAPIDKey.random().pem), "push.webpush.contact": "mailto:push@example.com",
            ]
        }

        /// As the console gives it.
        static func account() throws -> String {
            try FCMStandIn().serviceAccount().replacing("\"/token\"", with: "\"https://oauth2.googleapis.com/token\"")
        }

        func remove() { try? FileManager.default.removeItem(at: folder) }

        func write(_ name: String, _ text: String, mode: Int = 0o600) throws -> String {
            let path = folder.appending(path: name).path
            try Data(text.utf8).write(to: URL(filePath: path))
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            return path
        }

        func findings(_ more: [String: String] = [:]) async throws -> [String: [EngineFinding]] {
            let settings = try await Settings(flags: flags.merging(more) { $1 }, environment: [:], file: nil)
            return Dictionary(uniqueKeysWithValues: await PushExamination(settings: settings).findings().map { ($0.name, $0.findings) })
        }
    }

    @Test func `keys that can be used are told with what they are for, and with no part of them`() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let findings = try await scene.findings()
        #expect(findings.keys.sorted() == ["APNs", "FCM", "Web Push"])
        for (name, word) in [("APNs", "team id TEAM123456"), ("FCM", "project parley-stand-in"), ("Web Push", "public half")] {
            let facts = try #require(findings[name])
            #expect(facts.count == 1 && facts[0].verdict == .good && facts[0].fact.contains(word), "\(facts)")
            #expect(!facts[0].fact.contains("PRIVATE"))
        }
    }

    @Test(arguments: ["push.apns.key_file", "push.fcm.service_account_file", "push.webpush.key_file"])
    func `a key that is missing, or something else, is wrong and named by its setting`(setting: String) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        for path in ["/nowhere/key", try scene.write("other", "not a key")] {
            let wrong = try await scene.findings([setting: path]).values.joined().filter { $0.verdict != .good }
            #expect(wrong.count == 1, "\(wrong)")
            guard case .bad = try #require(wrong.first).verdict else {
                Issue.record("\(wrong)")
                return
            }
            #expect(wrong[0].fact.contains(path) && !wrong[0].fact.hasSuffix("."))
        }
    }

    @Test(arguments: [(0o600, nil), (0o440, nil), (0o644, "may read"), (0o604, "may read"), (0o620, "may write"), (0o602, "may write")])
    func `a key that others have is doubtful, also behind a link`(mode: Int, word: String?) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        for setting in ["push.apns.key_file", "push.fcm.service_account_file", "push.webpush.key_file"] {
            let path = try #require(scene.flags[setting])
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
            let link = path + ".link"
            try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: path)
            for path in [path, link] {
                let doubtful = try await scene.findings([setting: path]).values.joined().filter { $0.verdict != .good }
                #expect(doubtful.map { $0.fact.contains(word ?? "") } == (word == nil ? [] : [true]), "\(doubtful)")
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        }
    }

    @Test func `names that do not fit their key are doubtful`() async throws {
        let scene = try Scene(keyName: "AuthKey_XYZ7654321.p8")
        defer { scene.remove() }
        let apns = try #require(try await scene.findings(["push.apns.team_id": "ABC1234567"])["APNs"])
        #expect(apns.count == 3 && apns[1].fact.contains("XYZ7654321") && apns[2].fact.contains("are the same"), "\(apns)")
        let account = try Scene.account().replacing("parley-stand-in.iam", with: "another.iam")
        let fcm = try #require(
            try await scene.findings(["push.fcm.service_account_file": try scene.write("a.json", account)])["FCM"])
        #expect(fcm.count == 2 && fcm[1].fact.contains("the project another"), "\(fcm)")
    }

    @Test func `a data folder's key for browsers is looked at, and not made`() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let settings = try await Settings(flags: ["data": scene.folder.path], environment: [:], file: nil)
        func facts() async -> [EngineFinding] { await PushExamination(settings: settings).findings().flatMap(\.findings) }
        #expect(await facts().map(\.verdict) == [.good])
        let path = scene.folder.appending(path: "webpush-key.pem").path
        #expect(!FileManager.default.fileExists(atPath: path))
        _ = try scene.write("webpush-key.pem", VAPIDKey.random().pem)
        #expect(await facts().map(\.fact).last == "push.webpush.contact is not set")
        _ = try scene.write("webpush-key.pem", "")
        guard case .bad = await facts()[0].verdict else {
            Issue.record("an empty key was taken")
            return
        }
    }

    @Test func `where nothing is sent there is nothing to look at`() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        #expect(try await scene.findings(["push.provider": "none", "push.fcm.service_account_file": "/nowhere"]).isEmpty)
    }

    @Test func `certificates that are none are wrong`() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let file = try scene.write("ca.pem", "nothing")
        let findings = try await scene.findings(["push.trusted_certificates_file": file])["Trusted certificates of push services"]
        guard case .bad? = findings?.first?.verdict else {
            Issue.record("\(findings ?? [])")
            return
        }
    }
}
