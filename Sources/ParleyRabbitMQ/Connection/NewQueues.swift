import Foundation
import Synchronization

/// When this process has brought queues into being that were not there, by the queues' names.
///
/// One for all connections of a push queue: it may be the worker that comes first. Of queues that other processes brought into
/// being nothing is known.
final class NewQueues: Sendable {
    private let born = Mutex<[String: ContinuousClock.Instant]>([:])

    func add(_ name: String) {
        born.withLock { $0[name] = .now }
    }

    /// Blocks until each of the queues is so old.
    func wait(for names: Set<String>, toBe seconds: Double) {
        let last = born.withLock { born in names.compactMap { born[$0] }.max() }
        guard let last else { return }
        let left = ContinuousClock.now.duration(to: last + .seconds(seconds)) / .seconds(1)
        if left > 0 { Thread.sleep(forTimeInterval: left) }
        born.withLock { born in for name in names { born[name] = nil } }
    }
}
