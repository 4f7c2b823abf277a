import Synchronization

/// Values that are only hints, at most so many; when it is full, it begins anew.
final class BoundedCache<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let limit: Int
    private let values = Mutex<[Key: Value]>([:])

    init(limit: Int) { self.limit = limit }

    subscript(key: Key) -> Value? { values.withLock { $0[key] } }

    /// Replaces what is there by what `merge` makes of both.
    func keep(_ value: Value, for key: Key, merging merge: (_ old: Value, _ new: Value) -> Value) {
        values.withLock { values in
            if let old = values[key] {
                values[key] = merge(old, value)
            } else {
                if values.count >= limit { values.removeAll(keepingCapacity: true) }
                values[key] = value
            }
        }
    }

    func forget(_ key: Key) {
        values.withLock { $0[key] = nil }
    }
}
