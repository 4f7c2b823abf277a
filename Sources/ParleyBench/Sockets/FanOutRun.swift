import NIOCore

/// Something that makes the sockets of a crowd receive the next messages of their conversation.
protocol MessageSource: AnyObject {
    func send(_ count: Int)
}

/// Sends a burst of messages to a conversation, waits until each of its sockets has received all of them, and begins
/// again. The latency of a burst is the time until its last receipt.
final class FanOutRun: SocketRun {
    enum Length: Sendable {
        case rounds(Int)
        case seconds(warmUp: Double, measured: Double)
    }

    let outcome: EventLoopPromise<LoadSample>
    private let source: any MessageSource
    private let listeners: Range<Int>
    private let burst: Int
    private let length: Length
    private var startedAt = NIODeadline.now()
    private var measuringSince: NIODeadline?
    private var sentAt = NIODeadline.now()
    private var remaining = 0
    private var rounds: Int64 = 0
    private var histogram = LatencyHistogram()

    /// Only receipts of `listeners` count.
    init(_ length: Length, burst: Int, to listeners: Range<Int>, from source: any MessageSource, on eventLoop: any EventLoop) {
        self.length = length
        self.burst = burst
        self.listeners = listeners
        self.source = source
        outcome = eventLoop.makePromise()
    }

    func begin() {
        startedAt = .now()
        if case .rounds = length { measuringSince = startedAt }
        sendNext(startedAt)
    }

    private func sendNext(_ now: NIODeadline) {
        remaining = listeners.count * burst
        sentAt = now
        source.send(burst)
    }

    func received(_ number: Int64, by receiver: SocketReceiver) {
        guard listeners.contains(receiver.place) else { return }
        remaining -= 1
        if remaining == 0 { endRound(.now()) }
    }

    private func endRound(_ now: NIODeadline) {
        rounds += 1
        if let measuringSince {
            histogram.record(nanoseconds: (now - sentAt).nanoseconds)
            if isOver(now, since: measuringSince) { return finish(now, since: measuringSince) }
        } else if case .seconds(let warmUp, _) = length, now - startedAt >= .nanoseconds(Int64(warmUp * 1e9)) {
            measuringSince = now
        }
        sendNext(now)
    }

    private func isOver(_ now: NIODeadline, since start: NIODeadline) -> Bool {
        switch length {
        case .rounds(let count): rounds >= count
        case .seconds(_, let measured): now - start >= .nanoseconds(Int64(measured * 1e9))
        }
    }

    private func finish(_ now: NIODeadline, since start: NIODeadline) {
        let perRound = Int64(burst * listeners.count)
        outcome.succeed(
            LoadSample(
                histogram: histogram, seconds: Double((now - start).nanoseconds) / 1e9, perRecord: perRound, answers: rounds * perRound))
    }

    var missing: String { "\(remaining) of \(listeners.count * burst) messages of a burst were not received" }
}
