import ParleyCore
import ParleyModel
import ParleyPostgres
import ParleyRabbitMQ
import ParleyStores

/// Takes along what waits for the push worker, from a folder that nobody serves.
///
/// Jobs are queued, and then noted as queued: after a crash in between they are queued twice, never not at all. The worker
/// decides again for each, and notifications carry their message's id. Dead letters are there once: those that are there
/// already are passed over.
struct PushCopy: Sendable {
    let source: CopiedFolder
    let postgres: PostgresCopyTarget
    let queue: RabbitMQPushQueue
    let hook: CopyHook

    func run(from progress: CopyProgress, _ counts: inout CopyCounts) async throws {
        counts.pushJobs += try await copyJobs(after: progress.pushJobID)
        counts.deadLetters += try await copyDeadLetters(after: progress.deadLetterID)
    }

    private func copyJobs(after start: PushJobID) async throws -> Int64 {
        var after = start
        var count: Int64 = 0
        while true {
            let jobs = try await source.reader.pushJobs(after: after)
            guard let last = jobs.last?.id else { return count }
            try await queue.enqueue(jobs, at: SystemTimeSource().now())
            try await hook(.pushJobsQueued)
            try await postgres.advance(pushJobs: last)
            try await hook(.pushJobsNoted)
            count += Int64(jobs.count)
            after = last
        }
    }

    private func copyDeadLetters(after start: PushJobID) async throws -> Int64 {
        var after = start
        var count: Int64 = 0
        var present: Set<PushJobID>?
        while true {
            let letters = try await source.reader.deadLetters(after: after)
            guard let last = letters.last?.id else { return count }
            let there = if let present { present } else { try await idsThere(after: start) }
            present = there
            let new = letters.filter { !there.contains($0.id) }
            try await queue.putAside(new)
            try await hook(.deadLettersPutAside)
            try await postgres.advance(deadLetters: last)
            try await hook(.deadLettersNoted)
            count += Int64(new.count)
            after = last
        }
    }

    /// Dead letters that an earlier run put aside and could not note.
    private func idsThere(after start: PushJobID) async throws -> Set<PushJobID> {
        Set(try await queue.deadLetters(limit: .max, after: start).map(\.id))
    }
}
