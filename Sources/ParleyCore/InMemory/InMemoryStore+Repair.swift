public import ParleyModel

extension InMemoryStore: RepairLog {
    public func settleUnknown() {}

    public func messages(madeBy node: NodeID, in seconds: Range<Int64>, after last: MessageID?, limit: Int) -> [Message] {
        let found = log.filter { $0.id.node == node && seconds.contains($0.id.second) && (last.map($0.id.isAfter) ?? true) }
        return Array(found.sorted { $1.id.isAfter($0.id) }.prefix(limit))
    }
}

extension MessageID {
    /// In the order of the bytes.
    fileprivate func isAfter(_ other: MessageID) -> Bool { (high, low) > (other.high, other.low) }
}
