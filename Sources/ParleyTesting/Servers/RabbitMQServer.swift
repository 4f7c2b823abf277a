import Foundation
import ParleyEngines
import ParleyProcesses

/// A real broker in a folder of its own on free loopback ports, with its own register of Erlang nodes (epmd), so that it
/// knows nothing of the machine's. It goes away with the test process.
public final class RabbitMQServer: Sendable {
    /// One for all tests that do not kill it; it takes seconds to start.
    public static let shared = Task { try await RabbitMQServer() }

    private static let program = "/usr/lib/rabbitmq/bin/rabbitmq-server"  // the one on the PATH lets in only some users

    public static let user = "parley"
    public static let password = "open sesame"
    public static let virtualHost = "parley"

    public let port: Int
    public let encryptedPort: Int
    private let folder: ServerFolder
    private let environment: [String: String]
    private let register: ServerProcess
    private let process: ServerProcess

    /// The file of the authority that vouches for the server, which calls itself "localhost".
    public var authority: String { folder.file("authority.pem") }
    /// A URL as RabbitMQ's specification has it.
    public var urlText: String { "amqp://\(Self.user):open%20sesame@127.0.0.1:\(port)/\(Self.virtualHost)" }

    /// Starts one.
    public init() async throws {
        guard FileManager.default.isExecutableFile(atPath: Self.program) else {
            throw ServerFailure("there is no RabbitMQ server here; on Debian: apt install rabbitmq-server")
        }
        port = try LoopbackPort.free()
        encryptedPort = try LoopbackPort.free()
        folder = try ServerFolder("rabbitmq")
        let registerPort = try LoopbackPort.free()
        environment = Self.environment(folder, port: port, distributionPort: try LoopbackPort.free(), registerPort: registerPort)
        register = ServerProcess(
            "epmd", in: folder, "/usr/bin/env", ["epmd", "-address", "127.0.0.1", "-port", "\(registerPort)"], environment: environment)
        process = ServerProcess("server", in: folder, Self.program, [], environment: environment)
        try writeSettings()
        try await makeCertificate()
        try register.start()
        try await start()
    }

    private func writeSettings() throws {
        try """
        listeners.tcp.1 = 127.0.0.1:\(port)
        listeners.ssl.1 = 127.0.0.1:\(encryptedPort)
        ssl_options.cacertfile = \(authority)
        ssl_options.certfile = \(authority)
        ssl_options.keyfile = \(folder.file("key.pem"))
        default_vhost = \(Self.virtualHost)
        default_user = \(Self.user)
        default_pass = \(Self.password)
        vm_memory_high_watermark.absolute = 256MiB
        disk_free_limit.absolute = 64MiB
        log.file = false
        log.console = true
        log.console.level = warning
        """.write(toFile: folder.file("rabbitmq.conf"), atomically: true, encoding: .utf8)
        for name in ["advanced.config", "enabled_plugins"] {
            try "[].\n".write(toFile: folder.file(name), atomically: true, encoding: .utf8)
        }
        let cookie = folder.file(".erlang.cookie")
        try UUID().uuidString.write(toFile: cookie, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o400], ofItemAtPath: cookie)
    }

    /// One that vouches for itself.
    private func makeCertificate() async throws {
        let arguments = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext"]
        try await run(
            "/usr/bin/env", ["openssl"] + arguments + ["subjectAltName=DNS:localhost", "-keyout", "key.pem", "-out", "authority.pem"])
    }

    private static func environment(
        _ folder: ServerFolder, port: Int, distributionPort: Int, registerPort: Int
    ) -> [String: String] {
        func here(_ name: String) -> String { folder.file(name) }
        return [
            "HOME": folder.path, "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": "parley-\(port)@localhost", "RABBITMQ_DIST_PORT": "\(distributionPort)",
            "ERL_EPMD_PORT": "\(registerPort)", "ERL_EPMD_ADDRESS": "127.0.0.1",
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

    /// Runs a tool to its end.
    private func run(_ program: String, _ arguments: [String]) async throws {
        let tool = try ChildProcess.start(Program(program, arguments, environment: environment, in: folder.path))
        guard await onOwnThread({ tool.waitUntilExit() }) == 0 else { throw ServerFailure("\(program) failed: \(arguments)") }
    }

    // MARK: Starting and killing

    /// Starts it and waits until it answers, which it does not before it would let us in.
    public func start() async throws {
        try process.start()
        let deadline = ContinuousClock.now + .seconds(240)
        while !LoopbackPort.answers(port, to: Self.greeting) {
            guard ContinuousClock.now < deadline, process.isRunning else {
                throw ServerFailure("RabbitMQ did not start:\n\(process.lastWords)")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// With which a client of AMQP 0-9-1 begins.
    private static let greeting: [UInt8] = Array("AMQP".utf8) + [0, 0, 9, 1]

    /// As a machine that hangs, until ``goOn()``.
    public func halt() async throws { try await process.halt() }
    public func goOn() { process.goOn() }

    /// Has the broker's own tool, which takes seconds, tell it something.
    public func control(_ arguments: String...) async throws {
        try await run("/usr/lib/rabbitmq/bin/rabbitmqctl", ["-n", "parley-\(port)@localhost"] + arguments)
    }

    /// As a crash: the broker gets no word in.
    public func kill() async { await process.kill() }
}
