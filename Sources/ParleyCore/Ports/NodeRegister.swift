/// A node whose lease has ended, and what it left.
public struct LapsedNode: Sendable, Equatable {
    public let node: NodeID
    /// Everything with an id from before this second since 1970 is done.
    public let dueFrom: Int64

    public init(node: NodeID, dueFrom: Int64) {
        self.node = node
        self.dueFrom = dueFrom
    }
}

/// Remembers which nodes run, and up to where the effects of their messages are done, so that another can go on for one that
/// died. Each node holds a lease on its own entry; by the register's clock, not the nodes'.
public protocol NodeRegister: Sendable {
    /// The node lives, and everything with an id from before `dueFrom` is done. Its lease ends `seconds` after the register
    /// took the call. An entry that somebody took over is the node's own again.
    func renew(_ node: NodeID, dueFrom: Int64, seconds: Double) async throws(StoreError)

    /// A node whose lease has ended, if there is one: `holder` has the lease now, for `seconds`.
    func takeOver(by holder: NodeID, seconds: Double) async throws(StoreError) -> LapsedNode?

    /// Moves a taken entry forward, never back, and makes its lease anew. False when `holder` has it no more; then nothing is
    /// changed.
    func advance(_ node: NodeID, to dueFrom: Int64, by holder: NodeID, seconds: Double) async throws(StoreError) -> Bool

    /// Removes an entry, unless somebody else than `holder` has it.
    func forget(_ node: NodeID, by holder: NodeID) async throws(StoreError)
}
