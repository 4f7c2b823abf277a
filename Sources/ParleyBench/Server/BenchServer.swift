import Foundation
import NIOCore
import NIOPosix
import ParleyProcesses
import Synchronization

/// The measured server: a process of its own, which ends with the scope it is used in.
final class BenchServer: Sendable {
    let port: Int
    private let settings: Settings
    private let folder: DataFolder
    private let eventLoop: any EventLoop
    private let running: Mutex<ChildProcess>

    private static let readySeconds = 60.0
    private static let pollInterval = Duration.milliseconds(50)
    private static let settleInterval = Duration.milliseconds(200)

    struct Settings: Sendable {
        let executable: String
        var arguments = ["serve"]
        let secret: String
        let pushProvider: BenchConfiguration.PushProvider
        /// Parley's settings beside those of every run, by their names in the environment.
        var environment: [String: String] = [:]
    }

    private init(_ settings: Settings, folder: DataFolder, port: Int, eventLoop: any EventLoop) throws {
        self.settings = settings
        self.folder = folder
        self.port = port
        self.eventLoop = eventLoop
        running = Mutex(try Self.launch(settings, folder, port: port))
    }

    /// Starts a server on the folder, waits until it is ready, and stops it after `body`, also when that throws.
    static func with<Result>(
        _ settings: Settings, folder: DataFolder, eventLoop: any EventLoop, _ body: (BenchServer) async throws -> Result
    ) async throws -> Result {
        let server = try BenchServer(settings, folder: folder, port: try await freePort(eventLoop), eventLoop: eventLoop)
        do {
            try await server.waitUntilReady()
            let result = try await body(server)
            await server.process.end()
            return result
        } catch {
            await server.process.end()
            throw error
        }
    }

    private var process: ChildProcess { running.withLock { $0 } }

    var usage: ProcessUsage { ProcessUsage(of: process.id) }

    /// Waits until the server does nothing any more, that is less than a twentieth of one processor. False when it was
    /// still busy at the limit.
    func settle(limitSeconds: Double) async throws -> Bool {
        let limit = ContinuousClock.now + .seconds(limitSeconds)
        var quietIntervals = 0
        while ContinuousClock.now < limit {
            let before = usage.processorSeconds
            try await Task.sleep(for: Self.settleInterval)
            quietIntervals = usage.processorSeconds - before < 0.011 ? quietIntervals + 1 : 0
            if quietIntervals == 2 { return true }
        }
        return false
    }

    // MARK: Start

    private static func launch(_ settings: Settings, _ folder: DataFolder, port: Int) throws -> ChildProcess {
        try ChildProcess.start(
            .benchmarked(
                settings.executable, settings.arguments, environment: environment(settings, folder: folder, port: port),
                log: folder.serverLog))
    }

    /// Kills the server, without asking it, and starts it again at the same place; returns when it is ready.
    func restart() async throws {
        await process.kill()
        try Task.checkCancellation()
        let started = try Self.launch(settings, folder, port: port)
        running.withLock { $0 = started }
        try await waitUntilReady()
    }

    /// The caller's environment without its Parley settings, and the run's own.
    private static func environment(_ settings: Settings, folder: DataFolder, port: Int) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PARLEY_") }
        environment["PARLEY_HOST"] = "127.0.0.1"
        environment["PARLEY_PORT"] = "\(port)"
        environment["PARLEY_DATA"] = folder.data
        environment["PARLEY_AUTH_SECRET"] = settings.secret
        environment["PARLEY_LIMITS_MESSAGES_PER_SECOND"] = "0"
        environment["PARLEY_LIMITS_REQUESTS_PER_SECOND"] = "0"
        environment["PARLEY_LOG_LEVEL"] = "warning"
        environment["PARLEY_PUSH_PROVIDER"] = settings.pushProvider.rawValue
        if settings.pushProvider == .log { environment["PARLEY_PUSH_LOG_FILE"] = folder.pushLog }
        return environment.merging(settings.environment) { _, own in own }
    }

    private func waitUntilReady() async throws {
        let generator = LoadGenerator(eventLoop: eventLoop, port: port)
        let probe = RequestSource([.get("/health/ready", token: nil)], expectedStatus: 200)
        let limit = ContinuousClock.now + .seconds(Self.readySeconds)
        while true {
            do {
                return try await generator.once(probe)
            } catch {
                try Task.checkCancellation()
                guard process.isRunning else { throw notReady("it has ended") }
                guard ContinuousClock.now < limit else {
                    throw notReady("not ready after \(Int(Self.readySeconds)) s (\(error))")
                }
            }
            try await Task.sleep(for: Self.pollInterval)
        }
    }

    private func notReady(_ reason: String) -> BenchError {
        .serverNotReady(reason: reason, log: String(SystemFile.read(folder.serverLog).suffix(2000)))
    }
}

/// A port that was free a moment ago.
func freePort(_ eventLoop: any EventLoop) async throws -> Int {
    let channel = try await ServerBootstrap(group: eventLoop).bind(host: "127.0.0.1", port: 0).get()
    let port = channel.localAddress?.port ?? 0
    try await channel.close()
    return port
}
