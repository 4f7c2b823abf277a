public import ParleyModel

/// Names one run of a node: the five random bytes in the middle of the ids of all messages that it makes. A node that is
/// started again is another one.
public struct NodeID: Hashable, Sendable, CustomStringConvertible {
    /// 40 bits.
    public let value: UInt64

    public init(_ value: UInt64) { self.value = value & 0xFF_FFFF_FFFF }

    /// The one node of a process that has its data for itself.
    public static let only = NodeID(0)

    public static func random() -> NodeID {
        var generator = SystemRandomNumberGenerator()
        return NodeID(generator.next())
    }

    /// Reads the ten hex digits of ``description``; nil for anything else.
    public init?(_ text: some StringProtocol) {
        guard text.utf8.count == 10, let value = UInt64(text, radix: 16) else { return nil }
        self.init(value)
    }

    /// Ten hex digits, as they stand in the ids of its messages.
    public var description: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 10 - digits.count) + digits
    }
}

extension MessageID {
    /// 4 bytes of seconds, 5 of the node, 3 of a counter; the first 8 bytes are `high`.
    init(second: Int64, node: NodeID, count: UInt32) {
        self.init(
            high: UInt64(UInt32(truncatingIfNeeded: second)) << 32 | node.value >> 8,
            low: UInt32(truncatingIfNeeded: node.value & 0xFF) << 24 | count & 0xFF_FFFF)
    }

    /// The second since 1970 in which the id was made.
    public var second: Int64 { Int64(high >> 32) }

    /// Who made it.
    public var node: NodeID { NodeID(high << 8 | UInt64(low >> 24)) }

    /// All ids that a node can make in a second: the first and the last of them.
    public static func bounds(of node: NodeID, inSecond second: Int64) -> (first: MessageID, last: MessageID) {
        (MessageID(second: second, node: node, count: 0), MessageID(second: second, node: node, count: 0xFF_FFFF))
    }
}
