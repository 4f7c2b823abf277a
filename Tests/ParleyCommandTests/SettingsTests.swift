import Foundation
import Testing

@testable import parley

struct SettingsTests {
    @Test func `with nothing set every setting has its default`() async throws {
        let settings = try await Settings(flags: [:], environment: ["PATH": "/bin"], file: nil)
        #expect(settings.text("host") == "127.0.0.1")
        #expect(settings.number("port") == 8080)
        #expect(settings.values["port"]?.origin == .byDefault)
        #expect(settings.optional("auth.secret") == nil)
    }

    @Test func `flags win over the environment, the environment over the file, the file over defaults`() async throws {
        let file = try File(#"{"port": 1001, "host": "127.0.0.3", "limits": {"messages_per_second": 7}, "data": "from-file"}"#)
        let settings = try await Settings(
            flags: ["port": "1003"], environment: ["PARLEY_PORT": "1002", "PARLEY_HOST": "127.0.0.2"], file: file.path)
        #expect(settings.number("port") == 1003)
        #expect(settings.values["port"]?.origin == .flag)
        #expect(settings.text("host") == "127.0.0.2")
        #expect(settings.values["host"]?.origin == .environment("PARLEY_HOST"))
        #expect(settings.number("limits.messages_per_second") == 7)
        #expect(settings.values["data"]?.origin == .file(file.path))
    }

    @Test func `the file may be named in the environment`() async throws {
        let file = try File(#"{"port": 1001}"#)
        let settings = try await Settings(flags: [:], environment: ["PARLEY_CONFIG": file.path], file: nil)
        #expect(settings.number("port") == 1001)
    }

    @Test(arguments: [
        (["prot": "1"], [:], nil, "prot"), ([:], ["PARLEY_PROT": "1"], nil, "PARLEY_PROT"),
        ([:], [:], #"{"limits": {"x": 1}}"#, "limits.x"),
        (["port": "abc"], [:], nil, "port (from the flag)"),
        ([:], ["PARLEY_PORT": "70000"], nil, "port (from the environment PARLEY_PORT)"),
        ([:], [:], #"{"port": true}"#, "port (from the file"), ([:], ["PARLEY_AUTH_SECRET": "short"], nil, "at least 32 bytes"),
        ([:], ["PARLEY_LOG_LEVEL": "loud"], nil, "log.level"), ([:], [:], "[]", "one JSON object"), ([:], [:], "{", "one JSON object"),
        ([:], ["PARLEY_DATA": ""], nil, "data"),
    ])
    func `what is unknown or wrong is refused by name`(flags: [String: String], environment: [String: String], text: String?, named: String)
        async throws
    {
        let file = try text.map(File.init)
        let refusal = await #expect(throws: Settings.Invalid.self) {
            _ = try await Settings(flags: flags, environment: environment, file: file?.path)
        }
        #expect("\(try #require(refusal))".contains(named), "\(refusal.map { "\($0)" } ?? "")")
    }

    @Test func `a file that is not there is refused`() async {
        await #expect(throws: Settings.Invalid.self) { _ = try await Settings(flags: [:], environment: [:], file: "/nowhere/at/all.json") }
    }

    @Test func `docs SETTINGS holds the table that the program prints`() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/SETTINGS.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        #expect(text.contains(ConfigCommand.table), "print it anew with: parley config --markdown")
    }
}

struct SigningSecretTests {
    @Test(arguments: ["127.0.0.1", "127.8.9.10", "localhost", "::1", "[::1]"])
    func `loopback`(host: String) { #expect(SigningSecret.isLoopback(host)) }

    @Test(arguments: ["0.0.0.0", "127.0.0.1.evil.example", "127.1", "10.0.0.1", "::", "example.com", "localhost.example"])
    func `not loopback`(host: String) { #expect(!SigningSecret.isLoopback(host)) }

    @Test func `a development secret is made once, for its user only, and nowhere but on loopback`() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-test-\(UUID().uuidString)").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let settings = try await Settings(flags: ["data": folder], environment: [:], file: nil)
        #expect(throws: SigningSecret.Missing.self) { try SigningSecret.forSigning(settings) }
        let made = try #require(try SigningSecret.forServing(settings))
        #expect(made.isDevelopment && made.text.utf8.count >= 32)
        #expect(try SigningSecret.forServing(settings)?.text == made.text)
        #expect(try SigningSecret.forSigning(settings).text == made.text)
        let mode = try FileManager.default.attributesOfItem(atPath: folder + "/development-secret")[.posixPermissions] as? Int
        #expect(mode == 0o600)

        let open = try await Settings(flags: ["data": folder, "host": "0.0.0.0"], environment: [:], file: nil)
        #expect(throws: SigningSecret.Missing.self) { try SigningSecret.forServing(open) }
    }
}

/// A temporary file with that text.
private final class File: Sendable {
    let path = FileManager.default.temporaryDirectory.appending(path: "parley-test-\(UUID().uuidString).json").path

    init(_ text: String) throws {
        try text.write(toFile: path, atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
