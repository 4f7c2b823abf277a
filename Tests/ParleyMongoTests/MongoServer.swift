import Foundation
import ParleyCore
import ParleyMongo
import Synchronization
import Testing

/// A real mongod of the tests' own: a replica set of one node, in a folder that goes away with it.
final class MongoServer: Sendable {
    let port: Int
    private let folder: String
    private let process = Mutex<pid_t>(0)

    /// The one that most tests share, started once for each run.
    static let shared = Result { () throws -> MongoServer in
        let server = try MongoServer()
        toRemove.withLock { $0 = server }
        atexit { toRemove.withLock { $0?.remove() } }
        return server
    }

    init() throws {
        port = try Self.freePort()
        folder = NSTemporaryDirectory() + "/parley-mongo-\(UUID())"
        try FileManager.default.createDirectory(atPath: folder + "/data", withIntermediateDirectories: true)
        try start()
        try initiate()
    }

    func url(_ database: String = "parley", options: String = "") -> String {
        "mongodb://127.0.0.1:\(port)/\(database)?replicaSet=rs0\(options)"
    }

    func start() throws {
        let program = try Self.program()
        let log = folder + "/log"
        let arguments = [
            program, "--replSet", "rs0", "--bind_ip", "127.0.0.1", "--port", "\(port)", "--nounixsocket", "--dbpath", folder + "/data",
            "--wiredTigerCacheSizeGB", "0.25", "--oplogSize", "128", "--logpath", log, "--logappend",
            "--setParameter", "diagnosticDataCollectionEnabled=false", "--setParameter", "enableTestCommands=1",
        ]
        var words: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        guard posix_spawn(&pid, program, nil, nil, &words, environ) == 0 else { throw ServerFailure(text: "mongod does not start") }
        process.withLock { $0 = pid }
    }

    func signal(_ signal: Int32) { _ = process.withLock { kill($0, signal) } }

    /// Ends it as a crash would.
    func killHard() {
        process.withLock { pid in
            guard pid > 0 else { return }
            kill(pid, SIGKILL)
            var status: Int32 = 0
            waitpid(pid, &status, 0)
            pid = 0
        }
    }

    func remove() {
        killHard()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// Through the driver's command API, without naming the set, which does not exist yet.
    private func initiate() throws {
        let member = #"{"_id": "rs0", "members": [{"_id": 0, "host": "127.0.0.1:\#(port)"}]}"#
        let client = RawClient("mongodb://127.0.0.1:\(port)/?directConnection=true&serverSelectionTryOnce=false")
        let deadline = ContinuousClock.now + .seconds(30)
        while true {
            _ = client.command(#"{"replSetInitiate": \#(member)}"#, on: "admin")
            if client.command(#"{"hello": 1}"#, on: "admin")?.contains(#""isWritablePrimary" : true"#) == true { return }
            guard ContinuousClock.now < deadline else { throw ServerFailure(text: "mongod does not become a primary") }
            Thread.sleep(forTimeInterval: 0.1)
        }
    }

    /// `PARLEY_MONGOD`, the machine's own, or the one that scripts/setup.sh fetched.
    private static func program() throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let named = environment["PARLEY_MONGOD"].map { [$0] } ?? []
        let installed = (environment["PATH"] ?? "").split(separator: ":").map { String($0) + "/mongod" }
        let fetched = FileManager.default.currentDirectoryPath + "/.build/mongod/mongod"
        guard let program = (named + installed + [fetched]).first(where: FileManager.default.isExecutableFile(atPath:)) else {
            throw ServerFailure(text: "there is no mongod: set PARLEY_MONGOD")
        }
        return program
    }

    private static func freePort() throws -> Int {
        let socket = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(socket) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = inet_addr("127.0.0.1")
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(socket, $0, length) == 0 && getsockname(socket, $0, &length) == 0
            }
        }
        guard isBound else { throw ServerFailure(text: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}

/// The shared server, once it runs.
private let toRemove = Mutex<MongoServer?>(nil)

struct ServerFailure: Error {
    let text: String
}

/// Runs the body with a database of its own on the shared server, migrated.
func withMongo<Value>(
    _ configuration: MongoConfiguration = .init(), _ body: (MongoDatabase, _ url: String) async throws -> Value
) async throws -> Value {
    let url = try MongoServer.shared.get().url("t\(UUID().uuidString.prefix(18))")
    return try await withMongo(url, configuration) { try await body($0, url) }
}

/// Runs the body with that database, migrated, and closes it.
func withMongo<Value>(
    _ url: String, _ configuration: MongoConfiguration = .init(), _ body: (MongoDatabase) async throws -> Value
) async throws -> Value {
    let database = try MongoDatabase(url: url, configuration: configuration)
    do {
        try await MongoSchema(database).migrate()
        let value = try await body(database)
        await close(database)
        return value
    } catch {
        await close(database)
        throw error
    }
}

/// Closing waits for threads, so it has one of its own.
func close(_ database: MongoDatabase) async {
    await withCheckedContinuation { continuation in
        Thread {
            database.close()
            continuation.resume()
        }.start()
    }
}
