import GRDB
import Logging
import ParleyCore
import Synchronization

/// Lets writers that wait at the same time share one commit.
///
/// A commit with `synchronous=FULL` waits for the disk, however much is in it. So while one transaction is being
/// written, the writes that arrive gather, and the next transaction takes all of them, in their order of arrival; each
/// runs in its own savepoint, so that one that fails takes back only itself. A write returns when its transaction is
/// durable.
final class GroupCommitWriter: Sendable {
    /// Writes in one transaction, and writes that may wait.
    static let maxGroup = 128
    static let maxWaiting = 20_000

    private struct State {
        var waiting: [any PendingWrite] = []
        var isDraining = false
    }

    private let pool: DatabasePool
    private let logger: Logger
    private let state = Mutex(State())

    init(pool: DatabasePool, logger: Logger) {
        self.pool = pool
        self.logger = logger
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (Database) throws -> Value) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            submit(Write(body: body, continuation: continuation))
        }
        return try result.get()
    }

    private enum Next { case refuse, wait, drain }

    private func submit(_ write: any PendingWrite) {
        let next = state.withLock { state -> Next in
            guard state.waiting.count < Self.maxWaiting else { return .refuse }
            state.waiting.append(write)
            if state.isDraining { return .wait }
            state.isDraining = true
            return .drain
        }
        switch next {
        case .refuse: write.finish(failing: .unavailable("too many writes are waiting"))
        case .wait: break
        case .drain: pool.asyncWriteWithoutTransaction { self.drain($0) }
        }
    }

    /// Runs on GRDB's writer queue until nothing waits.
    private func drain(_ db: Database) {
        while true {
            let group = state.withLock { state -> [any PendingWrite] in
                let group = Array(state.waiting.prefix(Self.maxGroup))
                state.waiting.removeFirst(group.count)
                if group.isEmpty { state.isDraining = false }
                return group
            }
            if group.isEmpty { return }
            run(group, db)
        }
    }

    private func run(_ group: [any PendingWrite], _ db: Database) {
        do {
            try db.inTransaction(.immediate) {
                for write in group { try write.run(db, alone: group.count == 1) }
                return .commit
            }
            for write in group { write.finish(failing: nil) }
        } catch {
            // The commit, or the transaction as a whole, failed: nothing of the group is stored.
            let failure = StoreError(sqlite: error)
            logger.error("a transaction failed", metadata: ["writes": "\(group.count)", "error": "\(failure)"])
            for write in group { write.finish(failing: failure) }
        }
    }
}

private protocol PendingWrite: AnyObject, Sendable {
    /// Runs the closure and keeps its result. Throws only when the whole transaction is lost.
    func run(_ db: Database, alone: Bool) throws
    /// Tells the caller: the kept result, or that the transaction failed. Once.
    func finish(failing error: StoreError?)
}

/// `@unchecked Sendable`: `result` is touched on the writer queue only, between `run` and `finish`, which follow each
/// other there.
private final class Write<Value: Sendable>: PendingWrite, @unchecked Sendable {
    private let body: @Sendable (Database) throws -> Value
    private let continuation: CheckedContinuation<Result<Value, StoreError>, Never>
    private var result: Result<Value, StoreError>?

    init(body: @escaping @Sendable (Database) throws -> Value, continuation: CheckedContinuation<Result<Value, StoreError>, Never>) {
        self.body = body
        self.continuation = continuation
    }

    func run(_ db: Database, alone: Bool) throws {
        if alone {
            result = .success(try body(db))
            return
        }
        do {
            var value: Value?
            try db.inSavepoint {
                value = try body(db)
                return .commit
            }
            result = value.map(Result.success)
        } catch {
            // A full disk rolls the whole transaction back (sqlite.org/lang_transaction.html): then nobody's write counts.
            guard db.isInsideTransaction else { throw error }
            result = .failure(StoreError(sqlite: error))
        }
    }

    func finish(failing error: StoreError?) {
        continuation.resume(returning: error.map(Result.failure) ?? result ?? .failure(.unexpected("a write was not run")))
    }
}
