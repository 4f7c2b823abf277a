public import ParleyModel

/// The stored messages of one node, for redoing the effects of one that died (P5).
///
/// A message id names the node that made it and the second in which it did, before the message was stored. So whatever a
/// node has left undone is found from the second before which everything was done, which it keeps in the
/// ``NodeRegister``; nothing depends on how far the clocks of two nodes differ.
///
/// It is not the order of storing: a message of an earlier second may still be stored while the node lives.
public protocol RepairLog: Sendable {
    /// Returns when it is decided whether the messages are stored whose append by this process ended with `outcomeUnknown`
    /// before the call: what is not stored then never will be. Throws while that cannot be brought about.
    func settleUnknown() async throws(StoreError)

    /// Durable messages whose ids that node made in these seconds since 1970, ascending by id, at most `limit`: the page after
    /// `last`, or the first. All that were stored before the call are among them. At most ``RepairWindow/seconds`` at once.
    func messages(madeBy node: NodeID, in seconds: Range<Int64>, after last: MessageID?, limit: Int) async throws(StoreError) -> [Message]
}

public enum RepairWindow {
    /// How many seconds one question may cover.
    public static let seconds: Int64 = 64
}
