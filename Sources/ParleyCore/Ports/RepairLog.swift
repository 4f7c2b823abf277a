public import ParleyModel

/// Stored messages in the order of their ids, for redoing the effects of a node that died (P5).
///
/// A message id begins with the second in which its node made it, before it was stored. So everything that a node stored
/// after a time T, and whose id is older than T by no more than a margin, is among the messages from T less the margin. The
/// margin is the caller's: the longest wait for a place in a batch, the longest append, and how far nodes' clocks differ.
///
/// It is not the order of storing: a message may still be stored before one that was read already. Therefore a node's
/// checkpoint is a time, not a message, and a scan covers the margin again.
public protocol RepairLog: Sendable {
    /// Durable messages whose ids were made in that time's second or later, ascending by id, at most `limit`: the page
    /// after `last`, or the first. All messages that were acknowledged before the call are among them.
    func messages(madeFrom time: Timestamp, after last: MessageID?, limit: Int) async throws(StoreError) -> [Message]
}
