/// Which nodes run, in memory.
public actor InMemoryNodeRegister: NodeRegister {
    private struct Entry {
        var dueFrom: Int64
        var holder: NodeID
        var until: ContinuousClock.Instant
    }

    private var entries: [NodeID: Entry] = [:]

    public init() {}

    public func renew(_ node: NodeID, dueFrom: Int64, seconds: Double) {
        entries[node] = Entry(dueFrom: dueFrom, holder: node, until: .now + .seconds(seconds))
    }

    public func takeOver(by holder: NodeID, seconds: Double) -> LapsedNode? {
        let lapsed = entries.filter { $0.key != holder && $0.value.until < .now }.min { $0.value.until < $1.value.until }
        guard let (node, entry) = lapsed else { return nil }
        entries[node] = Entry(dueFrom: entry.dueFrom, holder: holder, until: .now + .seconds(seconds))
        return LapsedNode(node: node, dueFrom: entry.dueFrom)
    }

    public func advance(_ node: NodeID, to dueFrom: Int64, by holder: NodeID, seconds: Double) -> Bool {
        guard let entry = entries[node], entry.holder == holder else { return false }
        entries[node] = Entry(dueFrom: max(entry.dueFrom, dueFrom), holder: holder, until: .now + .seconds(seconds))
        return true
    }

    public func forget(_ node: NodeID, by holder: NodeID) {
        if entries[node]?.holder == holder { entries[node] = nil }
    }

    /// The nodes with an entry.
    public var nodes: Set<NodeID> { Set(entries.keys) }
}
