import Foundation
import ParleyEngines
import ParleyTesting

/// A real mongod of the tests' own: a replica set of one node, which goes away with this value.
public final class MongoServer: Sendable {
    /// The one that most tests share, started once for each run.
    public static let shared = Task { try await make() }

    /// On the loopback interface.
    public let port: Int
    private let folder: ServerFolder
    private let process: ServerProcess

    /// Starts one, on a thread that may wait.
    public static func make() async throws -> MongoServer { try await onOwnThread { try MongoServer() } }

    private init() throws {
        port = try LoopbackPort.free()
        folder = try ServerFolder("mongo")
        try FileManager.default.createDirectory(atPath: folder.file("data"), withIntermediateDirectories: true)
        process = ServerProcess(
            "mongod", in: folder, try Self.program(),
            [
                "--replSet", "rs0", "--bind_ip", "127.0.0.1", "--port", "\(port)", "--nounixsocket", "--dbpath", folder.file("data"),
                "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "128",
                "--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", "enableTestCommands=1",
            ])
        try start()
        try initiate()
    }

    /// Of that database.
    public func url(_ database: String = "parley", options: String = "") -> String {
        "mongodb://127.0.0.1:\(port)/\(database)?replicaSet=rs0\(options)"
    }

    /// Starts it again after ``kill()``.
    public func start() throws { try process.start() }

    /// As of ``ParleyTesting/ServerProcess``.
    public func halt() async throws { try await process.halt() }
    public func goOn() { process.goOn() }

    /// Ends it as a crash would.
    public func kill() async { await process.kill() }

    /// Through the driver's command API, without naming the set, which does not exist yet.
    private func initiate() throws {
        let member = #"{"_id": "rs0", "members": [{"_id": 0, "host": "127.0.0.1:\#(port)"}]}"#
        let client = RawMongoClient("mongodb://127.0.0.1:\(port)/?directConnection=true&serverSelectionTryOnce=false")
        let deadline = ContinuousClock.now + .seconds(120)
        while true {
            _ = client.command(#"{"replSetInitiate": \#(member)}"#, on: "admin")
            if client.command(#"{"hello": 1}"#, on: "admin")?.contains(#""isWritablePrimary" : true"#) == true { return }
            guard ContinuousClock.now < deadline, process.isRunning else {
                throw ServerFailure("mongod does not become a primary:\n\(process.lastWords)")
            }
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    /// `PARLEY_MONGOD`, the machine's own, or the one that scripts/setup.sh fetched.
    private static func program() throws -> String {
        if let named = ProcessInfo.processInfo.environment["PARLEY_MONGOD"] {
            guard FileManager.default.isExecutableFile(atPath: named) else {
                throw ServerFailure("PARLEY_MONGOD names no program: \(named)")
            }
            return named
        }
        let fetched = FileManager.default.currentDirectoryPath + "/.build/mongod"
        guard let program = findProgram("mongod", also: [fetched]) else {
            throw ServerFailure("there is no mongod: scripts/setup.sh --tests fetches one, or PARLEY_MONGOD names it")
        }
        return program
    }
}
