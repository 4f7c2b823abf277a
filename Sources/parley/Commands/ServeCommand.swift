import ArgumentParser
import CoreMetrics
import Foundation
import Logging
import NIOCore
import ParleyAPI
import ParleyCore
import ParleyModel
import ServiceLifecycle
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Start the server.",
        discussion: """
            Without any settings everything runs in this process on SQLite in ./parley-data, listening on 127.0.0.1:8080, with a \
            development secret made for this folder. With the URLs of MongoDB, PostgreSQL, Redis and RabbitMQ set it is one node of a \
            cluster. Stop it with Ctrl-C or SIGTERM: what is in flight is finished first.
            """)

    @Option(help: "Address to listen on (default: 127.0.0.1).")
    var host: String?

    @Option(help: "Port to listen on; 0 takes a free one (default: 8080).")
    var port: String?

    @Option(help: "What this process does (default: api,gateway,push).")
    var roles: String?

    @OptionGroup var options: SettingsOptions

    func run() async throws {
        // What this process makes is for its own user only.
        umask(0o077)
        OpenFiles.raiseLimit()
        let settings = try await options.settings(["host": host, "port": port, "roles": roles])
        let logger = Self.logger(settings)
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)

        let secret = try SigningSecret.forServing(settings)
        let jwks = try Self.jwks(settings)
        let backend = try await Self.backend(settings, logger)
        do {
            try await Self.serve(settings, backend, secret: secret, jwks: jwks, metrics: metrics, logger: logger)
        } catch {
            await backend.close()
            throw error
        }
        await backend.close()
    }

    private static func backend(_ settings: Settings, _ logger: Logger) async throws -> Backend {
        if let engines = try Engines(settings) {
            return try await .cluster(engines, allocator: settings.text("sequence.allocator"), logger: logger)
        }
        return try await .embedded(folder: settings.text("data"), logger: logger)
    }

    private static func serve(
        _ settings: Settings, _ backend: Backend, secret: SigningSecret?, jwks: String?, metrics: PrometheusRegistry, logger: Logger
    ) async throws {
        let announcement = Announcement(settings, secret: secret)
        let demo = DemoBox()
        let node = try await Node(
            settings: settings, backend: backend, secret: secret, jwks: jwks, metrics: metrics, logger: logger,
            onServerRunning: { port in await announcement.print(port: port, demo: demo.session) })
        demo.session = node.demo
        let group = ServiceGroup(
            configuration: {
                var configuration = ServiceGroupConfiguration(
                    services: node.services.map { .init(service: $0) }, gracefulShutdownSignals: [.sigterm, .sigint], logger: logger)
                // A connection that never ends must not keep the process: stored is stored, and the rest is redone.
                configuration.maximumGracefulShutdownDuration = .seconds(20)
                return configuration
            }())
        do {
            try await group.run()
        } catch let error as IOError {
            throw Failure(
                "Cannot listen on \(settings.text("host")):\(settings.text("port")): \(String(cString: strerror(error.errnoCode))).")
        }
    }

    private static func logger(_ settings: Settings) -> Logger {
        let level = Logger.Level(rawValue: settings.text("log.level")) ?? .notice
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "parley")
        logger.logLevel = level
        return logger
    }

    private static func jwks(_ settings: Settings) throws -> String? {
        guard let path = settings.optional("auth.jwks_file") else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure("auth.jwks_file: the file \(path) cannot be read.")
        }
        return String(decoding: data, as: UTF8.self)
    }
}

/// Hands the demo from the node, which is made with the announcement, to the announcement.
///
/// `@unchecked Sendable`: written once before the services run, read by them.
private final class DemoBox: @unchecked Sendable {
    var session: DemoSession?
}

/// What `serve` prints when it is ready.
private struct Announcement: Sendable {
    let host: String
    /// What it runs on: the data folder, or the cluster.
    let facts: String
    let secret: SigningSecret?

    init(_ settings: Settings, secret: SigningSecret?) {
        host = settings.text("host")
        self.secret = secret
        facts = settings.isCluster ? "cluster  a node with the roles \(settings.text("roles"))" : "data     \(settings.text("data"))"
    }

    func print(port: Int, demo: DemoSession?) async {
        let address = "http://\(host.contains(":") && !host.hasPrefix("[") ? "[\(host)]" : host):\(port)"
        var text = """
            Parley \(Version.text) listens on \(address)
              \(facts)
              API      \(address)/docs

            """
        if let secret, secret.isDevelopment, let demo, let conversation = try? await demo.conversation(),
            let token = try? await TokenIssuer(secret: secret.text).token(
                for: DemoSession.ada, isService: false, seconds: 86_400, at: SystemTimeSource().now())
        {
            text += """
                  chat     \(address)/   (open it twice: as Ada and as Ben)

                A development secret is in use, since no key for tokens is set. Send a first message as Ada with:

                curl -sS \(address)/v1/conversations/\(conversation)/messages \\
                  -H 'Authorization: Bearer \(token)' \\
                  -H 'Content-Type: application/json' \\
                  -d '{"message_type":"text","content":"Hello, Ben!"}'

                """
        }
        FileHandle.standardOutput.write(Data((text + "\n").utf8))
    }
}
