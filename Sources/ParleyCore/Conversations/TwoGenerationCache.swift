/// A bounded table that forgets what was not used lately: entries live in a young and an old generation; when the young
/// one is full it becomes the old one and the former old one is dropped. Every operation is O(1); at most
/// 2 × `generationSize` entries are held.
public struct TwoGenerationCache<Key: Hashable, Value> {
    private let generationSize: Int
    private var young: [Key: Value] = [:]
    private var old: [Key: Value] = [:]

    public init(capacity: Int) {
        generationSize = max(1, capacity / 2)
    }

    public subscript(key: Key) -> Value? {
        mutating get {
            if let value = young[key] { return value }
            guard let value = old.removeValue(forKey: key) else { return nil }
            insert(value, for: key)
            return value
        }
    }

    public mutating func insert(_ value: Value, for key: Key) {
        if young.count >= generationSize {
            old = young
            young = [:]
        }
        young[key] = value
    }

    public mutating func remove(_ key: Key) {
        young[key] = nil
        old[key] = nil
    }

    public mutating func removeAll() {
        young = [:]
        old = [:]
    }
}
