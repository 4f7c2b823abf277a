import Foundation
import GRDB
public import Logging
public import ParleyCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The data folder of the embedded mode: one SQLite file in WAL mode, written by one process at a time.
///
/// Reads run side by side on their own connections, each from one snapshot; writes go through ``GroupCommitWriter``.
/// Neither ever runs on the cooperative pool: GRDB executes them on its own dispatch queues.
public final class SQLiteDatabase: Sendable {
    public enum Access: Sendable {
        /// For the server and whoever else changes the schema: fails when another process holds the folder.
        case exclusive
        /// Beside a running server: `verify`, `push`. The file must exist.
        case shared
    }

    public enum OpenError: Error, CustomStringConvertible {
        case inUse(folder: String)
        case noDatabase(folder: String)
        case cannotOpen(folder: String, reason: String)
        case schemaTooNew(folder: String)

        public var description: String {
            switch self {
            case .inUse(let folder):
                "The data folder \(folder) is in use by another parley process. Stop that one, or choose another folder with --data."
            case .noDatabase(let folder): "There is no parley database in \(folder). Name the right data folder with --data."
            case .cannotOpen(let folder, let reason): "The data folder \(folder) cannot be opened: \(reason)."
            case .schemaTooNew(let folder):
                "The data folder \(folder) was written by a newer version of parley. Use that version or a later one."
            }
        }
    }

    static let fileName = "parley.sqlite"
    static let lockName = "parley.lock"

    let pool: DatabasePool
    let writer: GroupCommitWriter
    private let lock: FolderLock?

    /// Opens the folder, which is made when it is missing, and brings its schema up to date (`.exclusive` only).
    ///
    /// Blocks while it does; call it before there is anything to hold up.
    public init(folder: String, access: Access, logger: Logger) throws(OpenError) {
        let path = folder + "/" + Self.fileName
        do {
            switch access {
            case .exclusive:
                try FileManager.default.createDirectory(
                    atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
                lock = try FolderLock(path: folder + "/" + Self.lockName)
            case .shared:
                guard FileManager.default.fileExists(atPath: path) else { throw OpenError.noDatabase(folder: folder) }
                lock = nil
            }
            pool = try DatabasePool(path: path, configuration: Self.configuration())
            try Self.prepare(pool)
            if access == .exclusive {
                try Schema.migrator.migrate(pool)
            }
            if try pool.read(Schema.migrator.hasBeenSuperseded) { throw OpenError.schemaTooNew(folder: folder) }
            if try !pool.read(Schema.migrator.hasCompletedMigrations) {
                throw OpenError.cannotOpen(folder: folder, reason: "its schema is not up to date; run parley migrate")
            }
        } catch let error as OpenError {
            throw error
        } catch is FolderLock.Held {
            throw .inUse(folder: folder)
        } catch let error as DatabaseError {
            throw .cannotOpen(folder: folder, reason: error.message ?? "\(error.resultCode)")
        } catch {
            throw .cannotOpen(folder: folder, reason: "it cannot be made or written; see to its permissions")
        }
        writer = GroupCommitWriter(pool: pool, logger: logger)
    }

    /// Whether there is a database in the folder; nothing is opened or made.
    public static func exists(folder: String) -> Bool { FileManager.default.fileExists(atPath: folder + "/" + fileName) }

    /// Which migrations a folder still lacks, in order; all of them for a folder without a database.
    public static func missingMigrations(folder: String) throws(OpenError) -> [String] {
        let path = folder + "/" + fileName
        guard FileManager.default.fileExists(atPath: path) else { return Schema.migrator.migrations }
        do {
            let queue = try DatabaseQueue(path: path, configuration: configuration())
            let done = Set(try queue.read(Schema.migrator.appliedIdentifiers))
            return Schema.migrator.migrations.filter { !done.contains($0) }
        } catch {
            throw .cannotOpen(folder: folder, reason: "\(error)")
        }
    }

    private static func configuration() -> Configuration {
        var configuration = Configuration()
        configuration.label = "parley.sqlite"
        configuration.busyMode = .timeout(5)
        configuration.maximumReaderCount = 4
        configuration.prepareDatabase { db in
            // Pages kept in memory by each connection: 16 MiB.
            try db.execute(sql: "PRAGMA cache_size = -16384")
            try db.execute(sql: "PRAGMA temp_store = MEMORY")
        }
        return configuration
    }

    /// GRDB sets `synchronous = NORMAL` when it turns WAL on, with which a power cut may take back acknowledged commits;
    /// FULL syncs the log at every commit (sqlite.org/pragma.html#pragma_synchronous). A checkpoint every 16 MiB of log
    /// instead of 4: pages that are written again and again are copied back less often.
    private static func prepare(_ pool: DatabasePool) throws {
        try pool.writeWithoutTransaction { db in
            try db.execute(sql: "PRAGMA synchronous = FULL")
            try db.execute(sql: "PRAGMA wal_autocheckpoint = 4000")
            let level = try Int.fetchOne(db, sql: "PRAGMA synchronous")
            guard level == 2 else { throw DatabaseError(message: "synchronous=FULL was not accepted") }
        }
    }

    /// Runs a reading closure on one snapshot.
    func read<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(StoreError) -> Value {
        do {
            return try await pool.read(body)
        } catch {
            throw StoreError(sqlite: error)
        }
    }

    /// Runs a writing closure in a transaction that may be shared with others; durable when this returns.
    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(StoreError) -> Value {
        try await writer.write(body)
    }

    /// Finishes what runs, folds the log into the file and lets go of the folder.
    public func close() {
        // Closing alone does not: the pool closes its readers last, and these may not write. Whoever reads the file from another process
        // just now may keep a part of the log; the next process to write folds that.
        if lock != nil { try? pool.writeWithoutTransaction { db in _ = try db.checkpoint(.truncate) } }
        try? pool.close()
        lock?.release()
    }

    /// Proves that the store can be written right now, by writing. For the ready check.
    public func probe() async throws(StoreError) {
        try await write { db in
            try db.execute(sql: "UPDATE probe SET count = count + 1")
        }
    }
}

/// An advisory lock on the folder (flock(2)): freed by the system when the process ends, however it ends.
final class FolderLock: Sendable {
    struct Held: Error {}

    let descriptor: Int32

    init(path: String) throws {
        descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw CocoaError(.fileWriteNoPermission, userInfo: [NSLocalizedDescriptionKey: String(cString: strerror(errno))])
        }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Held()
        }
    }

    /// Unlocked by name: a child that is just being started has a copy of the descriptor until it runs its program, and closing ours alone
    /// would leave it the lock.
    func release() {
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }
}

extension StoreError {
    /// What an SQLite error means to a caller: trouble with the disk or the file can pass, anything else is a bug.
    init(sqlite error: any Error) {
        if let error = error as? StoreError {
            self = error
            return
        }
        guard let error = error as? DatabaseError else {
            self = .unexpected("\(error)")
            return
        }
        switch error.resultCode {
        case .SQLITE_FULL, .SQLITE_IOERR, .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_NOMEM, .SQLITE_CORRUPT,
            .SQLITE_NOTADB, .SQLITE_PERM, .SQLITE_AUTH:
            self = .unavailable("\(error.resultCode): \(error.message ?? "no message")")
        default:
            // Not `description`: it would show the arguments, and with them message text.
            self = .unexpected("\(error.extendedResultCode): \(error.message ?? "no message") in \(error.sql ?? "no statement")")
        }
    }
}
