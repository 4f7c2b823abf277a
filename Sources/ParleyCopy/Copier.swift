public import Logging
public import ParleyCore
import ParleyEngines
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyStores

/// Copies a data folder of the embedded mode into the engines of cluster mode.
///
/// While a server serves the folder, it copies in passes, beside it, until little is left, and says that the server is to be
/// stopped. When nobody serves the folder it holds the folder's lock, so that nobody can, and makes the last pass, which also
/// takes the push jobs along. A pass writes only what is missing or different. However it ends, by a crash too, the next run
/// goes on; a run when all is copied changes nothing.
public struct Copier: Sendable {
    /// Passes beside a running server. Each finds what was written during the one before it.
    static let maxLivePasses = 10
    /// Changes of a pass that the last pass, with the server stopped, does in a moment.
    static let fewChanges: Int64 = 1000

    private let folder: String
    private let target: CopyTarget
    private let sizes: CopySizes
    private let logger: Logger
    private let tell: @Sendable (String) -> Void
    private let hook: CopyHook

    /// - Parameters:
    ///   - tell: Is given lines about how far it is, a few a minute.
    ///   - hook: For tests.
    public init(
        folder: String, target: CopyTarget, sizes: CopySizes = .init(), logger: Logger,
        tell: @escaping @Sendable (String) -> Void = { _ in }, hook: @escaping CopyHook = { _ in }
    ) {
        self.sizes = sizes
        self.folder = folder
        self.target = target
        self.logger = logger
        self.tell = tell
        self.hook = hook
    }

    /// Throws ``CopyFailure``, ``ParleyStores/SQLiteDatabase/OpenError`` or ``ParleyCore/StoreError``.
    public func run() async throws -> CopySummary {
        guard SQLiteDatabase.exists(folder: folder) else { throw SQLiteDatabase.OpenError.noDatabase(folder: folder) }
        let start = ContinuousClock.now
        let source = try await CopiedFolder.open(folder, sizes: sizes, logger)
        do {
            let summary = try await run(source, start)
            await source.close()
            return summary
        } catch let error as CopyObstacleError {
            await source.close()
            throw CopyFailure(error.obstacle)
        } catch {
            await source.close()
            throw error
        }
    }

    private func run(_ source: CopiedFolder, _ start: ContinuousClock.Instant) async throws -> CopySummary {
        let postgres = PostgresCopyTarget(target.postgres, source: try await source.reader.identity())
        var summary = CopySummary(end: .finished, counts: CopyCounts(), passes: 0, seconds: 0)
        if let finish = try await finishBefore(source, postgres) {
            summary.end = .finishedBefore(finish)
            return summary
        }
        let progress = try await postgres.begin().orFailure()
        try await hook(.begun)
        tell(source.isServed ? "A server serves \(folder): copying beside it." : "Nobody serves \(folder): held until the copy is done.")
        var messages = MessageCopy(
            source: source, postgres: postgres, mongo: MongoMessageImport(target.mongo), position: progress.messagePosition, tell: tell,
            hook: hook)
        var last: Int64 = .max
        while source.isServed {
            let pass = try await self.pass(source, postgres, &messages, progress, &summary)
            if await source.hold() { break }
            guard pass.changes > Self.fewChanges, pass.changes < last / 2, summary.passes < Self.maxLivePasses else {
                summary.end = .stillServed
                summary.seconds = Self.seconds(since: start)
                return summary
            }
            last = pass.changes
        }
        _ = try await pass(source, postgres, &messages, progress, &summary)
        let due = try await source.reader.makersOfDueMessages()
        if !due.isEmpty { try await postgres.leaveEffects(due) }
        try await hook(.effectsLeft)
        try await postgres.finish()
        summary.seconds = Self.seconds(since: start)
        return summary
    }

    /// When a finished copy has been in service since, and so is not touched any more.
    private func finishBefore(_ source: CopiedFolder, _ postgres: PostgresCopyTarget) async throws -> Timestamp? {
        guard let progress = try await postgres.progress().orFailure() else {
            guard try await MongoMessageImport(target.mongo).isEmpty() else { throw CopyFailure.notEmpty }
            return nil
        }
        guard let finish = progress.finishedAt, try await postgres.wasServed(since: finish) else { return nil }
        let newest = try await source.reader.newestPosition()
        let more = newest.value - progress.messagePosition.value
        guard more <= 0 else { throw CopyFailure.goneApart(finishedAt: finish, messages: more) }
        return finish
    }

    private func pass(
        _ source: CopiedFolder, _ postgres: PostgresCopyTarget, _ messages: inout MessageCopy, _ progress: CopyProgress,
        _ summary: inout CopySummary
    ) async throws -> CopyCounts {
        var pass = CopyPass(source: source, postgres: postgres, messages: messages, tell: tell, hook: hook)
        try await pass.run()
        messages = pass.messages
        if !source.isServed {
            try await LedgerCopy(source: source, postgres: postgres, hook: hook).run(&pass.counts)
            try await PushCopy(source: source, postgres: postgres, queue: target.queue, hook: hook).run(from: progress, &pass.counts)
        }
        summary.passes += 1
        summary.counts.add(pass.counts)
        tell("Pass \(summary.passes): \(pass.counts.messages) messages and \(pass.counts.rows) rows were new or different.")
        try await hook(.passed)
        return pass.counts
    }

    private static func seconds(since start: ContinuousClock.Instant) -> Double {
        let passed = ContinuousClock.now - start
        return Double(passed.components.seconds) + Double(passed.components.attoseconds) / 1e18
    }
}
