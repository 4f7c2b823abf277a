import Foundation
import ParleyModel
import ParleyProcesses
import Synchronization

@testable import ParleyClient

/// The real server as a process that can be killed. Its program is named in the environment: `TEST_PARLEY_BINARY`.
final class RealServer: Sendable {
    static let binary = ProcessInfo.processInfo.environment["TEST_PARLEY_BINARY"]

    /// It does not run: it was killed, or did not like its surroundings.
    struct HasEnded: Error {}

    let port: Int
    private let data: URL
    private let process = Mutex<ChildProcess?>(nil)

    var url: String { "http://127.0.0.1:\(port)" }

    init() async throws {
        let fake = try await FakeServer.start()
        try await fake.stop()
        port = fake.port
        data = FileManager.default.temporaryDirectory.appending(path: "parley-client-\(UInt64.random(in: .min ... .max))")
        try start()
    }

    func start() throws {
        let process = try ChildProcess.start(Self.program("serve", "--port", "\(port)", "--data", data.path(percentEncoded: false)))
        self.process.withLock { $0 = process }
    }

    /// As a power cut would.
    func kill() {
        guard let process = process.withLock({ $0.take() }) else { return }
        process.signal(SIGKILL)
        process.waitUntilExit()
    }

    func remove() {
        kill()
        try? FileManager.default.removeItem(at: data)
    }

    func client(
        of user: UserID, _ change: @Sendable (inout ParleyClient.Configuration) -> Void = { _ in }
    ) async throws -> ParleyClient {
        let token = try await token(of: user)
        var configuration = ParleyClient.Configuration(url: url) { token }
        configuration.maxBackoffSeconds = 1
        change(&configuration)
        return try ParleyClient(configuration)
    }

    /// Tokens are signed with a secret that the server makes when it starts for the first time.
    private func token(of user: UserID) async throws -> String {
        while true {
            let token = try Self.program("token", "--user", user.description, "--data", data.path(percentEncoded: false)).runToEnd()
            if token.exitStatus == 0 { return token.output.trimmingCharacters(in: .whitespacesAndNewlines) }
            guard self.process.withLock({ $0?.isRunning ?? false }) else { throw HasEnded() }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func program(_ arguments: String...) -> Program { Program(binary ?? "parley", arguments) }
}
