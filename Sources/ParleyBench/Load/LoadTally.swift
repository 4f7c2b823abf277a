import NIOCore

/// What is known of one row while it is measured, shared by its connections. Confined to their event loop.
final class LoadTally {
    private var connections: [LoadConnection] = []
    private var histogram = LatencyHistogram()
    private var isMeasuring = false
    private var measuringSince = NIODeadline.now()
    private var answers: Int64 = 0
    private let drained: EventLoopPromise<Void>
    private(set) var isStopping = false
    private(set) var failure: BenchError?

    init(eventLoop: any EventLoop) {
        drained = eventLoop.makePromise()
    }

    /// Done when every connection is closed after ``stop()``.
    var whenDrained: EventLoopFuture<Void> { drained.futureResult }

    // MARK: Called by the generator

    func start() {
        for connection in connections { connection.send() }
    }

    func beginMeasuring() {
        histogram = LatencyHistogram()
        isMeasuring = true
        measuringSince = .now()
    }

    var measuredCount: Int64 { histogram.count }

    func endMeasuring() -> (histogram: LatencyHistogram, seconds: Double) {
        isMeasuring = false
        return (histogram, Double((NIODeadline.now() - measuringSince).nanoseconds) / 1e9)
    }

    /// No further requests; a connection closes when the one under way is answered.
    func stop() {
        isStopping = true
        for connection in connections where connection.isIdle { connection.close() }
        completeIfDrained()
    }

    /// Closes everything now, answered or not.
    func abandon(_ error: BenchError?) {
        failure = failure ?? error
        isStopping = true
        for connection in connections { connection.close() }
        completeIfDrained()
    }

    var answerCount: Int64 { answers }

    // MARK: Called by the connections

    func opened(_ connection: LoadConnection) {
        connections.append(connection)
    }

    func answered(after latency: TimeAmount) {
        answers += 1
        if isMeasuring { histogram.record(nanoseconds: latency.nanoseconds) }
    }

    /// The first failure ends the row.
    func failed(_ error: BenchError) {
        guard failure == nil else { return }
        abandon(error)
    }

    func closed(_ connection: LoadConnection) {
        connections.removeAll { $0 === connection }
        completeIfDrained()
    }

    private func completeIfDrained() {
        if isStopping, connections.isEmpty { drained.succeed() }
    }
}
