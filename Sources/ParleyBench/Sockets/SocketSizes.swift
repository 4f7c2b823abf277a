/// How much the rows of sockets measure.
struct SocketSizes: Sendable, Equatable {
    /// Sockets of one conversation, a row each.
    let fanOuts: [Int]
    let burst: Int
    let senders: Int
    /// Sockets that do not read, beside those of the first of ``fanOuts``.
    let slowReaders: Int
    /// Long messages that are sent before, so that more waits for the slow ones than the kernel takes.
    let fillRounds: Int
    let conversations: Int
    let participants: Int
    /// Connections that are made at a time.
    let connecting: Int
    /// Connections that are made before the memory is first looked at, so that what the first ones cost the server once is
    /// not counted for each.
    let warmUpSockets: Int

    static let full = SocketSizes(
        fanOuts: [1000, 10_000], burst: 16, senders: 8, slowReaders: 10, fillRounds: 100, conversations: 1000, participants: 10,
        connecting: 128, warmUpSockets: 100)

    static let quick = SocketSizes(
        fanOuts: [50, 200], burst: 16, senders: 4, slowReaders: 5, fillRounds: 100, conversations: 20, participants: 10, connecting: 32,
        warmUpSockets: 20)

    /// Of the rows with one socket for each participant of many conversations.
    var sockets: Int { conversations * participants }

    /// Of the row with the most of them.
    var mostSockets: Int { max((fanOuts.max() ?? 0) + slowReaders + senders, sockets) }

    /// Open files that so many sockets need in this process, and in the server too: one each, and some for everything else.
    func openFiles(_ sockets: Int) -> Int { sockets + 200 }

    /// One message at a time, and several at once.
    var bursts: [Int] { [1, burst] }
}
