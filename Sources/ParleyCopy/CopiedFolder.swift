import Logging
import ParleyCore
import ParleyEngines
import ParleyStores
import Synchronization

/// A data folder that is being copied: beside the server that serves it, or held, so that nobody can serve it.
final class CopiedFolder: Sendable {
    private struct State {
        var database: SQLiteDatabase
        var isServed: Bool
    }

    private let path: String
    private let sizes: CopySizes
    private let logger: Logger
    private let state: Mutex<State>

    private init(_ path: String, _ sizes: CopySizes, _ logger: Logger, _ state: State) {
        self.path = path
        self.sizes = sizes
        self.logger = logger
        self.state = Mutex(state)
    }

    /// Holds the folder, or if somebody else does, opens it beside them.
    static func open(_ path: String, sizes: CopySizes, _ logger: Logger) async throws -> CopiedFolder {
        try await onOwnThread { () throws -> CopiedFolder in
            do {
                let database = try SQLiteDatabase(folder: path, access: .exclusive, logger: logger)
                return CopiedFolder(path, sizes, logger, State(database: database, isServed: false))
            } catch SQLiteDatabase.OpenError.inUse {
                let database = try SQLiteDatabase(folder: path, access: .shared, logger: logger)
                return CopiedFolder(path, sizes, logger, State(database: database, isServed: true))
            }
        }
    }

    var reader: SQLiteCopySource { SQLiteCopySource(state.withLock { $0.database }, sizes: sizes) }
    /// Whether another process held the folder when that was last tried.
    var isServed: Bool { state.withLock { $0.isServed } }

    /// Holds the folder if nobody else does any more, and tells whether it does.
    func hold() async -> Bool {
        await onOwnThread {
            guard let held = try? SQLiteDatabase(folder: self.path, access: .exclusive, logger: self.logger) else { return false }
            let shared = self.state.withLock { state in
                defer { state = State(database: held, isServed: false) }
                return state.database
            }
            shared.close()
            return true
        }
    }

    func close() async {
        await onOwnThread { self.state.withLock { $0.database }.close() }
    }
}
