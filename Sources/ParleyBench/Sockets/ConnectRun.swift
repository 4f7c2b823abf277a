import NIOCore

/// Connects sockets, so many at a time, until each has authenticated and caught up.
final class ConnectRun: SocketRun {
    let outcome: EventLoopPromise<LoadSample>
    private let crowd: SocketCrowd
    private let places: Range<Int>
    private let concurrency: Int
    private var next: Int
    private var readyCount = 0
    private var startedAt = NIODeadline.now()
    private var histogram = LatencyHistogram()

    init(_ places: Range<Int>, concurrency: Int, _ crowd: SocketCrowd) {
        self.crowd = crowd
        self.places = places
        self.concurrency = concurrency
        next = places.lowerBound
        outcome = crowd.eventLoop.makePromise()
    }

    func begin() {
        startedAt = .now()
        for _ in 0..<min(concurrency, places.count) { openNext() }
        if places.isEmpty { finish() }
    }

    private func openNext() {
        guard next < places.upperBound else { return }
        next += 1
        crowd.open(crowd.receivers[next - 1])
    }

    func ready(_ receiver: SocketReceiver) {
        histogram.record(nanoseconds: (NIODeadline.now() - receiver.openedAt).nanoseconds)
        readyCount += 1
        if readyCount == places.count { finish() } else { openNext() }
    }

    private func finish() {
        let seconds = Double((NIODeadline.now() - startedAt).nanoseconds) / 1e9
        outcome.succeed(LoadSample(histogram: histogram, seconds: seconds, answers: Int64(readyCount)))
    }

    var missing: String { "\(places.count - readyCount) of \(places.count) sockets were not connected and caught up" }
}
