import Synchronization

/// Gives each sender of a run numbers of its own.
final class NumberBlocks: Sendable {
    private let last = Atomic<Int64>(0)

    func next() -> CountingNumbers {
        CountingNumbers(block: last.add(1, ordering: .relaxed).newValue)
    }
}
