import ParleyCore
import ParleyModel
import Synchronization

/// Names for queued jobs: they grow with time, so that their order is the order of queueing, and stay with a job through
/// retries and its life as a dead letter.
///
/// Milliseconds since 2020 and 12 bits for those of the same one: below 2^53 until 2089, which is what JSON numbers hold
/// everywhere. Two processes may take the same name in the same millisecond; one that holds a job of that name already
/// calls the other something else while it holds both.
final class PushJobIDs: Sendable {
    private static let start: Int64 = 1_577_836_800_000  // 2020-01-01T00:00:00Z
    private let last = Mutex<Int64>(0)

    func next(at now: Timestamp) -> PushJobID {
        last.withLock { last in
            last = max(last + 1, max(0, now.milliseconds - Self.start) << 12 | .random(in: 0..<2048))
            return PushJobID(last)
        }
    }
}
