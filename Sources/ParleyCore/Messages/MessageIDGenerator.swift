public import ParleyModel
import Synchronization

/// Makes message ids in the form of MongoDB's ObjectId: seconds, five random bytes of this process, a counter that
/// starts at random. Unique among processes for the same reason ObjectIds are.
public final class MessageIDGenerator: Sendable {
    private let process: UInt64
    private let counter: Atomic<UInt32>

    public init() {
        var generator = SystemRandomNumberGenerator()
        process = generator.next() & 0xFF_FFFF_FFFF
        counter = Atomic(UInt32(truncatingIfNeeded: generator.next() as UInt64))
    }

    public func next(at now: Timestamp) -> MessageID {
        let seconds = UInt64(UInt32(truncatingIfNeeded: now.milliseconds / 1000))
        let count = counter.wrappingAdd(1, ordering: .relaxed).newValue & 0xFF_FFFF
        // 4 bytes of seconds, 5 of process, 3 of counter; the first 8 bytes are `high`.
        return MessageID(high: seconds << 32 | process >> 8, low: UInt32(truncatingIfNeeded: process & 0xFF) << 24 | count)
    }
}
