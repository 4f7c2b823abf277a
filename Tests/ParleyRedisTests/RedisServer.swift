import Foundation
import Logging
import ParleyEngines
import ParleyProcesses
import ParleyRedis
import ParleyTesting
import Testing

/// A redis-server of a test's own: on a free loopback port, with a password, which goes away with this value.
/// That there is no `redis-server` on the PATH fails the test.
final class RedisServer: Sendable {
    static let password = "s3cret/with@:odd%chars"

    let port: Int
    private let folder: ServerFolder
    private let process: ServerProcess
    private let client: String

    init() throws {
        port = try LoopbackPort.free()
        folder = try ServerFolder("redis")
        client = try Self.program("redis-cli")
        process = ServerProcess(
            "redis", in: folder, try Self.program("redis-server"),
            [
                "--port", String(port), "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "no", "--requirepass",
                Self.password,
            ])
    }

    private static func program(_ name: String) throws -> String {
        guard let program = findProgram(name) else {
            throw ServerFailure("there is no \(name) on the PATH; on Debian: apt install redis-server")
        }
        return program
    }

    var url: RedisURL { RedisURL(host: "127.0.0.1", port: port, password: Self.password) }

    /// With a limit for answers that a machine which is busy with other tests keeps.
    var configuration: RedisConfiguration {
        var configuration = RedisConfiguration(url: url)
        configuration.commandSeconds = 20
        configuration.pingSeconds = 5
        return configuration
    }

    func start() async throws {
        try process.start()
        while try await command("PING") != "PONG" {
            guard process.isRunning else { throw ServerFailure("redis-server ended at once:\n\(process.lastWords)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// As by a crash of the machine.
    func kill() async { await process.kill() }

    /// Stops answering without closing anything, and goes on.
    func halt() async throws { try await process.halt() }
    func goOn() { process.goOn() }

    /// What redis-cli, a program that is not ours, is answered.
    func command(_ words: String...) async throws -> String {
        let client = cli(words)
        return try await onOwnThread { try client.runToEnd().output.trimmingCharacters(in: .whitespacesAndNewlines) }
    }

    func cli(_ words: [String]) -> Program {
        Program(
            client, ["-h", "127.0.0.1", "-p", String(port), "--no-auth-warning"] + words, environment: ["REDISCLI_AUTH": Self.password])
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

func withServer(_ body: (RedisServer) async throws -> Void) async throws {
    let server = try RedisServer()
    try await server.start()
    try await body(server)
}

func withBuses(_ count: Int, _ server: RedisServer, _ body: ([RedisEventBus]) async throws -> Void) async throws {
    let buses = (0..<count).map { _ in RedisEventBus(server.configuration, logger: quiet) }
    do {
        try await body(buses)
    } catch {
        await onOwnThread { for bus in buses { bus.close() } }
        throw error
    }
    await onOwnThread { for bus in buses { bus.close() } }
}

func withPresences(
    _ count: Int, _ server: RedisServer, leaseSeconds: Double = 90, _ body: ([RedisPresence]) async throws -> Void
) async throws {
    let nodes = (0..<count).map { _ in RedisPresence(server.configuration, leaseSeconds: leaseSeconds, logger: quiet) }
    do {
        try await body(nodes)
    } catch {
        await onOwnThread { for node in nodes { node.close() } }
        throw error
    }
    await onOwnThread { for node in nodes { node.close() } }
}
