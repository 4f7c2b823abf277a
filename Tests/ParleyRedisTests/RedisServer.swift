import Foundation
import Logging
import ParleyRedis
import Testing

/// A redis-server of a test's own: on a free loopback port, with a password, its files in a folder that is gone with it.
/// That there is no `redis-server` on the PATH fails the test.
final class RedisServer: @unchecked Sendable {
    // `@unchecked Sendable`: `process` is touched in the order of the test only.
    static let password = "s3cret/with@:odd%chars"

    let port: Int
    private let folder: URL
    private var process: Process?

    init() throws {
        port = try Self.freePort()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-redis-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    var url: RedisURL { RedisURL(host: "127.0.0.1", port: port, password: Self.password) }

    /// With limits that suit tests, in which a second is long.
    var configuration: RedisConfiguration {
        var configuration = RedisConfiguration(url: url)
        configuration.commandSeconds = 1
        configuration.pingSeconds = 1
        return configuration
    }

    func start() async throws {
        let process = Process()
        process.executableURL = try Self.executable("redis-server")
        process.arguments = [
            "--port", String(port), "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--appendonly", "no", "--requirepass",
            Self.password,
        ]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        self.process = process
        while try await command("PING") != "PONG" {
            try #require(process.isRunning, "redis-server ended at once")
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// As by a crash of the machine.
    func kill() {
        guard let process else { return }
        Foundation.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        self.process = nil
    }

    /// Stops answering without closing anything, and goes on.
    func pause() { process.map { _ = Foundation.kill($0.processIdentifier, SIGSTOP) } }
    func resume() { process.map { _ = Foundation.kill($0.processIdentifier, SIGCONT) } }

    /// What redis-cli, a program that is not ours, is answered.
    func command(_ words: String...) async throws -> String {
        let client = try cli(words)
        let output = Pipe()
        client.standardOutput = output
        try client.run()
        let bytes = try await Task.detached { try output.fileHandleForReading.readToEnd() ?? Data() }.value
        client.waitUntilExit()
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    func cli(_ words: [String]) throws -> Process {
        let client = Process()
        client.executableURL = try Self.executable("redis-cli")
        client.arguments = ["-h", "127.0.0.1", "-p", String(port), "--no-auth-warning"] + words
        client.environment = ["REDISCLI_AUTH": Self.password]
        client.standardError = FileHandle.nullDevice
        return client
    }

    private static func executable(_ name: String) throws -> URL {
        let folders = ProcessInfo.processInfo.environment["PATH"]?.split(separator: ":") ?? []
        let paths = folders.map { "\($0)/\(name)" }
        return URL(
            fileURLWithPath: try #require(
                paths.first { FileManager.default.isExecutableFile(atPath: $0) }, "\(name) must be installed for this test"))
    }

    /// One that nobody listens to now. Between here and the server's start somebody else might take it; then the test fails.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) + getsockname(descriptor, $0, &length)
            }
        }
        try #require(result == 0)
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// What blocks is not for the tasks of a test.
func offPool(_ body: @escaping @Sendable () -> Void) async {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread {
            body()
            continuation.resume()
        }
    }
}

func withServer(_ body: (RedisServer) async throws -> Void) async throws {
    let server = try RedisServer()
    try await server.start()
    try await body(server)
    await offPool { server.kill() }
}

func withBuses(_ count: Int, _ server: RedisServer, _ body: ([RedisEventBus]) async throws -> Void) async throws {
    let buses = (0..<count).map { _ in RedisEventBus(server.configuration, logger: quiet) }
    do {
        try await body(buses)
    } catch {
        await offPool { for bus in buses { bus.close() } }
        throw error
    }
    await offPool { for bus in buses { bus.close() } }
}

func withPresences(
    _ count: Int, _ server: RedisServer, leaseSeconds: Double = 90, _ body: ([RedisPresence]) async throws -> Void
) async throws {
    let nodes = (0..<count).map { _ in RedisPresence(server.configuration, leaseSeconds: leaseSeconds, logger: quiet) }
    do {
        try await body(nodes)
    } catch {
        await offPool { for node in nodes { node.close() } }
        throw error
    }
    await offPool { for node in nodes { node.close() } }
}

/// Waits until it is so; the suite's time limit is the patience.
func until(_ condition: () async throws -> Bool) async throws {
    while try await !condition() { try await Task.sleep(for: .milliseconds(10)) }
}
