public import ParleyModel
import Synchronization

/// Makes message ids in the form of MongoDB's ObjectId: seconds, five random bytes of this run of the process (its
/// ``NodeID``), a counter that starts at random. Unique among processes for the same reason ObjectIds are.
public final class MessageIDGenerator: Sendable {
    public let node: NodeID
    private let counter: Atomic<UInt32>
    private let ledger: EffectLedger?

    /// - Parameter ledger: Told of every id; whoever takes the message on tells it what became of it.
    public init(node: NodeID = .random(), ledger: EffectLedger? = nil) {
        var generator = SystemRandomNumberGenerator()
        self.node = node
        self.ledger = ledger
        counter = Atomic(UInt32(truncatingIfNeeded: generator.next() as UInt64))
    }

    public func next(at now: Timestamp) -> MessageID {
        let second = now.milliseconds / 1000
        let count = counter.wrappingAdd(1, ordering: .relaxed).newValue & 0xFF_FFFF
        return MessageID(second: ledger?.issue(at: second) ?? second, node: node, count: count)
    }
}
