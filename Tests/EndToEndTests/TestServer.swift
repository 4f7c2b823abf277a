import Foundation
import Logging
import ParleyAPI
import ParleyClient
import ParleyCore
import ParleyModel
import ServiceLifecycle

@testable import parley

/// The server that `serve` runs, in this process, on a free port and a folder of its own.
struct TestServer: Sendable {
    private let port: Int
    private static let secret = "a secret that only these tests know, and no one else"

    /// Runs `test` against a fresh server, and stops it as SIGTERM would.
    static func run(bus: any EventBus, _ test: @Sendable @escaping (TestServer) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "parley-end-to-end-\(UUID())").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let settings = try await Settings(
            flags: [
                "data": folder, "port": "0", "push.provider": "none", "socket.heartbeat_seconds": "1", "limits.messages_per_second": "0",
                "limits.requests_per_second": "0", "socket.drain_seconds": "0",
            ], environment: [:], file: nil)
        let backend = try await Backend.embedded(folder: folder, bus: bus, busLosesEvents: true, logger: logger)
        do {
            try await run(settings, backend, logger, test)
        } catch {
            await backend.close()
            throw error
        }
        await backend.close()
    }

    private static func run(
        _ settings: Settings, _ backend: Backend, _ logger: Logger, _ test: @Sendable @escaping (TestServer) async throws -> Void
    ) async throws {
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let node = try await Node(
            settings: settings, backend: backend, secret: SigningSecret(text: secret, isDevelopment: false), jwks: nil,
            metrics: PrometheusRegistry(), logger: logger, onServerRunning: { port.yield($0) })
        let services = ServiceGroup(
            configuration: .init(services: node.services.map { .init(service: $0) }, gracefulShutdownSignals: [], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await services.run() }
            group.addTask {
                for await port in ports {
                    do {
                        try await test(TestServer(port: port))
                    } catch {
                        await services.triggerGracefulShutdown()
                        throw error
                    }
                    break
                }
                await services.triggerGracefulShutdown()
            }
            try await group.waitForAll()
        }
    }

    func client(_ user: UserID, from resume: ResumeState = ResumeState()) async throws -> ParleyClient {
        let issuer = TokenIssuer(secret: Self.secret)
        var configuration = ParleyClient.Configuration(url: "http://127.0.0.1:\(port)") {
            try await issuer.token(for: user, isService: false, seconds: 3600, at: SystemTimeSource().now())
        }
        configuration.resume = resume
        return try ParleyClient(configuration)
    }
}
