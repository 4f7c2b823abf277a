import Foundation
import ParleyEngines
public import ParleyPostgres
import ParleyProcesses
import ParleyTesting
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A PostgreSQL server of the tests' own, in a temporary folder, on a free port of the loopback interface. It ends with the
/// process, however that ends. Where there is no PostgreSQL, making one throws: the test fails.
public final class PostgresServer: Sendable {
    /// Of the server's superuser, `postgres`.
    public static let password = "s3cret-of-the-test"
    /// One for all tests; each has databases of its own.
    public static let shared = Task { try await start() }

    /// On the loopback interface.
    public let port: Int
    private let folder: String
    private let programs: String
    /// The parents of this server, and of those that were killed.
    private let keepers = Mutex<[(process: ChildProcess, input: FileHandle)]>([])

    /// Makes and starts one, on a thread that may wait.
    public static func start() async throws -> PostgresServer { try await onOwnThread { try PostgresServer() } }

    private init() throws {
        programs = try Self.findPrograms()
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("parley-postgres-\(UUID())").path
        port = try LoopbackPort.free()
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let passwordFile = folder + "/password"
        try Self.password.write(toFile: passwordFile, atomically: true, encoding: .utf8)
        if getuid() == 0 { try Self.run("/bin/chown", ["-R", "postgres", folder]) }
        let make = """
            \(programs)/initdb -D \(folder)/data -U postgres -A scram-sha-256 --pwfile=\(passwordFile) -E UTF8 --locale=C -N >/dev/null
            """
        try Self.run("/bin/sh", ["-c", asServerUser(make)])
        try start()
    }

    /// Only a measurement needs commits that outlive the machine.
    private static let isMeasuring = ProcessInfo.processInfo.environment["PARLEY_MEASURE"] != nil

    /// The server's parent is a shell that ends it when our end of the pipe is gone.
    private func start() throws {
        let server = """
            \(programs)/postgres -D \(folder)/data -p \(port) -c listen_addresses=127.0.0.1 -c unix_socket_directories= \
            -c fsync=\(Self.isMeasuring ? "on" : "off") -c max_connections=400 -c shared_buffers=32MB -c autovacuum=off -c log_min_messages=fatal \
            >\(folder)/log 2>&1 </dev/null & echo $! >\(folder)/pid; read line; kill -QUIT $(cat \(folder)/pid); sleep 1; rm -rf \(folder)
            """
        let keeper = try Program("/bin/sh", ["-c", asServerUser(server)]).startWithInput()
        keepers.withLock { $0.append(keeper) }
        let deadline = Date.now.addingTimeInterval(120)
        while (try? Self.run("\(programs)/pg_isready", ["-q", "-h", "127.0.0.1", "-p", "\(port)"])) == nil {
            guard Date.now < deadline else { throw ServerFailure("PostgreSQL did not start: see \(folder)/log") }
            usleep(20_000)
        }
    }

    /// Starts it again after ``kill()``.
    public func restart() async throws {
        try await onOwnThread {
            try self.awaitChildren()
            // It still has its process id, for nobody waits for it.
            try FileManager.default.removeItem(atPath: self.folder + "/data/postmaster.pid")
            try self.start()
        }
    }

    /// The old one's children must be gone first: they work in the folder of its data.
    private func awaitChildren() throws {
        let deadline = Date.now.addingTimeInterval(60)
        while true {
            let processes = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { $0.allSatisfy(\.isNumber) }
            let children = processes.filter { process in
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(process)/cwd")) == folder + "/data"
            }
            if children.isEmpty { return }
            guard Date.now < deadline else { throw ServerFailure("PostgreSQL's processes do not end: \(children)") }
            usleep(50_000)
        }
    }

    /// `kill -9` of the server; its children end when they notice.
    public func kill() throws {
        let text = try String(contentsOfFile: folder + "/pid", encoding: .utf8).trimmingCharacters(in: .whitespacesAndNewlines)
        guard let pid = pid_t(text) else { throw ServerFailure("no process id in \(folder)/pid") }
        Glibc.kill(pid, SIGKILL)
    }

    /// Of that database, for that role, as text.
    public func address(database: String, user: String = "postgres", password: String = password) -> String {
        "postgresql://\(user):\(password)@127.0.0.1:\(port)/\(database)"
    }

    /// The same for a store.
    public func url(database: String, user: String = "postgres", password: String = password) throws -> PostgresURL {
        guard let url = PostgresURL(address(database: database, user: user, password: password)) else { throw ServerFailure("no URL") }
        return url
    }

    /// Has PostgreSQL's own client run some statements, as any other program might. Tells what they answer, a row a line.
    @discardableResult
    public func query(_ sql: String, in database: String) async throws -> String {
        try await onOwnThread {
            let arguments = ["-qAtX", "-v", "ON_ERROR_STOP=1", "-d", self.address(database: database), "-c", sql]
            return try Self.run("\(self.programs)/psql", arguments).trimmingCharacters(in: .newlines)
        }
    }

    private func asServerUser(_ command: String) -> String {
        guard getuid() == 0 else { return command }
        let quoted = command.replacingOccurrences(of: "'", with: "'\\''")
        return "cd /; exec runuser -u postgres -- /bin/sh -c '\(quoted)'"
    }

    private static func findPrograms() throws -> String {
        let debian = (try? FileManager.default.contentsOfDirectory(atPath: "/usr/lib/postgresql")) ?? []
        let folders =
            debian.sorted { $0.compare($1, options: .numeric) == .orderedDescending }.map { "/usr/lib/postgresql/\($0)/bin" }
            + ["/opt/homebrew/opt/postgresql/bin", "/usr/local/bin", "/usr/bin"]
        guard let found = folders.first(where: { FileManager.default.isExecutableFile(atPath: $0 + "/initdb") }) else {
            throw ServerFailure("there is no PostgreSQL server on this machine: install `postgresql`")
        }
        return found
    }

    /// Tells what it wrote.
    @discardableResult
    private static func run(_ path: String, _ arguments: [String]) throws -> String {
        var program = Program(path, arguments)
        program.errors = .inherited
        let end = try program.runToEnd()
        guard end.exitStatus == 0 else { throw ServerFailure("\(path) ended with \(end.exitStatus)") }
        return end.output
    }
}
