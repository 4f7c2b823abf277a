import Foundation
import NIOCore
import NIOPosix

/// The measured server: a process of its own, which ends with the scope it is used in.
struct BenchServer: Sendable {
    let port: Int
    private let process: ChildProcess

    private static let readySeconds = 60.0
    private static let termSeconds = 10.0
    private static let killSeconds = 5.0
    private static let pollInterval = Duration.milliseconds(50)
    private static let settleInterval = Duration.milliseconds(200)

    struct Settings: Sendable {
        let executable: String
        let secret: String
        let pushProvider: BenchConfiguration.PushProvider
    }

    /// Starts a server on the folder, waits until it is ready, and stops it after `body`, also when that throws.
    static func with<Result>(
        _ settings: Settings, folder: DataFolder, eventLoop: any EventLoop, _ body: (BenchServer) async throws -> Result
    ) async throws -> Result {
        let server = try await start(settings, folder: folder, eventLoop: eventLoop)
        do {
            try await server.waitUntilReady(folder: folder, eventLoop: eventLoop)
            let result = try await body(server)
            await server.stop()
            return result
        } catch {
            await server.stop()
            throw error
        }
    }

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

    private static func start(_ settings: Settings, folder: DataFolder, eventLoop: any EventLoop) async throws -> BenchServer {
        let port = try await freePort(eventLoop)
        let process = try ChildProcess.start(
            settings.executable, ["serve"], environment: environment(settings, folder: folder, port: port), log: folder.serverLog)
        return BenchServer(port: port, process: process)
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
        environment["PARLEY_LOG_LEVEL"] = "error"
        environment["PARLEY_PUSH_PROVIDER"] = settings.pushProvider.rawValue
        if settings.pushProvider == .log { environment["PARLEY_PUSH_LOG_FILE"] = folder.pushLog }
        return environment
    }

    /// A port that was free a moment ago.
    private static func freePort(_ eventLoop: any EventLoop) async throws -> Int {
        let channel = try await ServerBootstrap(group: eventLoop).bind(host: "127.0.0.1", port: 0).get()
        let port = channel.localAddress?.port ?? 0
        try await channel.close()
        return port
    }

    private func waitUntilReady(folder: DataFolder, eventLoop: any EventLoop) async throws {
        let generator = LoadGenerator(eventLoop: eventLoop, port: port)
        let probe = RequestSource([.get("/health/ready", token: nil)], expectedStatus: 200)
        let limit = ContinuousClock.now + .seconds(Self.readySeconds)
        while true {
            do {
                return try await generator.once(probe)
            } catch {
                try Task.checkCancellation()
                guard process.isRunning else { throw notReady("it has ended", folder) }
                guard ContinuousClock.now < limit else {
                    throw notReady("not ready after \(Int(Self.readySeconds)) s (\(error))", folder)
                }
            }
            try await Task.sleep(for: Self.pollInterval)
        }
    }

    private func notReady(_ reason: String, _ folder: DataFolder) -> BenchError {
        .serverNotReady(reason: reason, log: String(SystemFile.read(folder.serverLog).suffix(2000)))
    }

    // MARK: Stop

    /// Asks the server to end, and ends it when it does not. Runs in a task of its own, because it must also do its work
    /// when the caller was cancelled.
    private func stop() async {
        await Task {
            process.signal(SIGTERM)
            if await !hasEnded(withinSeconds: Self.termSeconds) {
                process.signal(SIGKILL)
                _ = await hasEnded(withinSeconds: Self.killSeconds)
            }
        }.value
    }

    private func hasEnded(withinSeconds seconds: Double) async -> Bool {
        let limit = ContinuousClock.now + .seconds(seconds)
        while process.isRunning, ContinuousClock.now < limit {
            try? await Task.sleep(for: Self.pollInterval)
        }
        return !process.isRunning
    }
}
