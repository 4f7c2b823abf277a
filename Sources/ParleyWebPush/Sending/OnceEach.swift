import Synchronization

/// Knows what has been said already. Bounded: names that come after many others count as said.
final class OnceEach: Sendable {
    static let maxCount = 100

    private let said = Mutex<Set<String>>([])

    /// True the first time for each name.
    func isFirst(_ name: String) -> Bool {
        said.withLock { $0.count < Self.maxCount && $0.insert(name).inserted }
    }
}
