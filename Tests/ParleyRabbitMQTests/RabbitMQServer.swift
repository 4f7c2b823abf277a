import Foundation
import Logging
import ParleyCore
import Synchronization

@testable import ParleyRabbitMQ

/// A real broker in a folder of its own on free loopback ports, with its own register of Erlang nodes (epmd), so that it
/// knows nothing of the machine's. It is ended, and its folder removed, when the test process is gone, however that ends.
final class RabbitMQServer: Sendable {
    /// One for all tests that do not kill it; it takes seconds to start.
    static let shared = Task { try await RabbitMQServer() }

    struct NotStarted: Error, CustomStringConvertible {
        let description: String
    }

    private static let program = "/usr/lib/rabbitmq/bin/rabbitmq-server"  // the one on the PATH lets in only some users

    let port = freePort()
    let encryptedPort = freePort()
    private let distributionPort = freePort()
    private let epmdPort = freePort()
    private let folder = FileManager.default.temporaryDirectory.appending(path: "parley-rabbitmq-\(UUID().uuidString)")
    private let process = Mutex<Process?>(nil)

    /// The file of the authority that vouches for the server, which calls itself "localhost".
    var authority: String { folder.appending(path: "authority.pem").path }
    var url: AMQPURL { AMQPURL(host: "127.0.0.1", port: port, user: "parley", password: "open sesame", virtualHost: "parley") }

    init() async throws {
        guard FileManager.default.isExecutableFile(atPath: Self.program) else {
            throw NotStarted(description: "there is no RabbitMQ server here; on Debian: apt install rabbitmq-server")
        }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try writeSettings()
        try makeCertificate()
        let epmd = try run("/usr/bin/env", ["epmd", "-address", "127.0.0.1", "-port", "\(epmdPort)"])
        try "\(epmd.processIdentifier)\n".write(to: folder.appending(path: "epmd.pid"), atomically: true, encoding: .utf8)
        try watch()
        try await start()
    }

    private func writeSettings() throws {
        try """
        listeners.tcp.1 = 127.0.0.1:\(port)
        listeners.ssl.1 = 127.0.0.1:\(encryptedPort)
        ssl_options.cacertfile = \(authority)
        ssl_options.certfile = \(authority)
        ssl_options.keyfile = \(folder.path)/key.pem
        default_vhost = parley
        default_user = parley
        default_pass = open sesame
        vm_memory_high_watermark.absolute = 256MiB
        disk_free_limit.absolute = 64MiB
        log.file = false
        log.console = true
        log.console.level = warning
        """.write(to: folder.appending(path: "rabbitmq.conf"), atomically: true, encoding: .utf8)
        for name in ["advanced.config", "enabled_plugins"] {
            try "[].\n".write(to: folder.appending(path: name), atomically: true, encoding: .utf8)
        }
        let cookie = folder.appending(path: ".erlang.cookie")
        try UUID().uuidString.write(to: cookie, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: cookie.path)
    }

    /// One that vouches for itself.
    private func makeCertificate() throws {
        let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"]
        let openssl = try run(
            "/usr/bin/env", ["openssl"] + arguments + ["subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "authority.pem"])
        openssl.waitUntilExit()
        guard openssl.terminationStatus == 0 else { throw NotStarted(description: "openssl made no certificate") }
    }

    private var environment: [String: String] {
        func here(_ name: String) -> String { folder.appending(path: name).path }
        return [
            "HOME": folder.path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": "parley-\(port)@localhost", "RABBITMQ_DIST_PORT": "\(distributionPort)",
            "ERL_EPMD_PORT": "\(epmdPort)", "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +A 8 -kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_CONFIG_FILE": here("rabbitmq.conf"), "RABBITMQ_ADVANCED_CONFIG_FILE": here("advanced.config"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": here("enabled_plugins"), "RABBITMQ_CONF_ENV_FILE": here("rabbitmq-env.conf"),
            "RABBITMQ_MNESIA_BASE": here("data"), "RABBITMQ_LOG_BASE": here("logs"), "RABBITMQ_PID_FILE": here("pid"),
            "RABBITMQ_GENERATED_CONFIG_DIR": here("generated"), "RABBITMQ_SCHEMA_DIR": here("schema"),
            "ERL_CRASH_DUMP": here("crash.dump"),
            // Otherwise a shell stays in between, which would be the one that signals hit.
            "RUNNING_UNDER_SYSTEMD": "true",
        ]
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Process {
        let process = Process()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.environment = environment
        process.currentDirectoryURL = folder
        let log = folder.appending(path: "console.log")
        if !FileManager.default.fileExists(atPath: log.path) { try Data().write(to: log) }
        let output = try FileHandle(forWritingTo: log)
        try output.seekToEnd()
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = output
        try process.run()
        return process
    }

    /// Leaves a shell behind that ends the servers after us.
    private func watch() throws {
        let script = """
            while kill -0 "$1" 2>/dev/null; do sleep 1; done
            kill -9 $(cat "$2"/*.pid); sleep 1; rm -rf "$2"
            """
        _ = try run("/bin/sh", ["-c", script, "sh", "\(ProcessInfo.processInfo.processIdentifier)", folder.path])
    }

    // MARK: Starting and killing

    /// Starts it and waits until it lets us in.
    func start() async throws {
        let started = try run(Self.program, [])
        try "\(started.processIdentifier)\n".write(to: folder.appending(path: "server.pid"), atomically: true, encoding: .utf8)
        process.withLock { $0 = started }
        let deadline = ContinuousClock.now + .seconds(120)
        while !(await canLogIn()) {
            guard ContinuousClock.now < deadline, started.isRunning else {
                let log = (try? String(contentsOf: folder.appending(path: "console.log"), encoding: .utf8)) ?? ""
                throw NotStarted(description: "RabbitMQ did not start:\n\(log.suffix(2000))")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    private func canLogIn() async -> Bool {
        await onThread { [configuration] in (try? RabbitMQLink(configuration, newQueues: NewQueues())) != nil }
    }

    /// As a machine that hangs, until `SIGCONT`.
    func signal(_ signal: Int32) {
        process.withLock { if let process = $0 { _ = Foundation.kill(process.processIdentifier, signal) } }
    }

    /// Has the broker's own tool, which takes seconds, tell it something.
    func control(_ arguments: String...) async throws {
        let tool = try run("/usr/lib/rabbitmq/bin/rabbitmqctl", ["-n", "parley-\(port)@localhost"] + arguments)
        await onThread { tool.waitUntilExit() }
        guard tool.terminationStatus == 0 else { throw NotStarted(description: "rabbitmqctl failed: \(arguments)") }
    }

    /// As a crash: the broker gets no word in.
    func kill() async {
        await onThread {
            self.process.withLock { process in
                guard let running = process else { return }
                Foundation.kill(running.processIdentifier, SIGKILL)
                running.waitUntilExit()
                process = nil
            }
        }
    }

    var configuration: RabbitMQConfiguration { RabbitMQConfiguration(url: url) }
}

/// Runs what blocks on a thread of its own.
func onThread<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
    await withCheckedContinuation { continuation in
        Thread.detachNewThread { continuation.resume(returning: body()) }
    }
}

/// A port that nobody listens on at the moment.
func freePort() -> Int {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    return withUnsafeMutablePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
            _ = bind(descriptor, address, size)
            _ = getsockname(descriptor, address, &size)
        }
        return Int(UInt16(bigEndian: pointer.pointee.sin_port))
    }
}
