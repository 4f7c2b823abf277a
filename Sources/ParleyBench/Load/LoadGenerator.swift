import NIOCore
import NIOPosix

/// What one measurement of one row gave.
struct LoadSample: Sendable, Equatable {
    let rate: Double
    /// Seconds.
    let p50: Double
    let p99: Double
    let p999: Double
    /// All answers, those of the warm-up and the end included: what the server has worked for.
    let answers: Int64

    /// `perRecord` is how many answers each recorded latency stands for.
    init(histogram: LatencyHistogram, seconds: Double, perRecord: Int64 = 1, answers: Int64) {
        rate = Double(histogram.count * perRecord) / max(seconds, 1e-9)
        p50 = Double(histogram.quantile(0.5)) / 1e9
        p99 = Double(histogram.quantile(0.99)) / 1e9
        p999 = Double(histogram.quantile(0.999)) / 1e9
        self.answers = answers
    }
}

/// Drives the server over loopback, from one event loop: it shares the processor with what it measures, so it does no more
/// than writing prepared bytes and reading answers, without a task or a lock for a request.
struct LoadGenerator: Sendable {
    let eventLoop: any EventLoop
    /// Connections are dealt out among them, one after the other.
    let ports: [Int]
    /// How long the requests that are under way at the end of a row may take.
    var drainTimeout = TimeAmount.seconds(10)

    private static let connectTimeout = TimeAmount.seconds(10)

    init(eventLoop: any EventLoop, ports: [Int]) {
        self.eventLoop = eventLoop
        self.ports = ports
    }

    init(eventLoop: any EventLoop, port: Int) {
        self.init(eventLoop: eventLoop, ports: [port])
    }

    /// One connection for each source, a closed loop on each. It takes longer than `seconds` where no answer comes within them: until
    /// there is one, or it is clear that none will come.
    func run(_ sources: [RequestSource], warmUpSeconds: Double, seconds: Double) async throws -> LoadSample {
        try await withTally { tally in
            try await connect(sources, tally)
            try await onLoop(tally) { $0.start() }
            try await Task.sleep(for: .seconds(warmUpSeconds))
            try await onLoop(tally) { $0.beginMeasuring() }
            try await Task.sleep(for: .seconds(seconds))
            let limit = NIODeadline.now() + drainTimeout
            while try await onLoop(tally, { $0.measuredCount }) == 0, .now() < limit { try await Task.sleep(for: .milliseconds(2)) }
            let measured = try await onLoop(tally) { $0.endMeasuring() }
            try await drain(tally)
            let answers = try await onLoop(tally) { $0.answerCount }
            return LoadSample(histogram: measured.histogram, seconds: measured.seconds, answers: answers)
        }
    }

    /// Sends one request and checks its answer.
    func once(_ source: RequestSource) async throws {
        try await withTally { tally in
            try await connect([source], tally)
            try await onLoop(tally) { $0.start() }
            try await drain(tally)
        }
    }

    /// Leaves no connection behind.
    private func withTally<Result>(_ body: (NIOLoopBound<LoadTally>) async throws -> Result) async throws -> Result {
        let eventLoop = eventLoop
        let tally = try await eventLoop.submit { NIOLoopBound(LoadTally(eventLoop: eventLoop), eventLoop: eventLoop) }.get()
        do {
            return try await body(tally)
        } catch {
            let failure = try await eventLoop.submit {
                defer { tally.value.abandon(nil) }
                return tally.value.failure
            }.get()
            throw failure ?? error
        }
    }

    private func connect(_ sources: [RequestSource], _ tally: NIOLoopBound<LoadTally>) async throws {
        for (place, source) in sources.enumerated() {
            _ = try await ClientBootstrap(group: eventLoop)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connectTimeout(Self.connectTimeout)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(LoadConnection(source: source, tally: tally.value))
                    }
                }
                .connect(host: "127.0.0.1", port: ports[place % ports.count]).get()
        }
    }

    private func drain(_ tally: NIOLoopBound<LoadTally>) async throws {
        let (eventLoop, drainTimeout) = (eventLoop, drainTimeout)
        let drained = eventLoop.flatSubmit {
            tally.value.stop()
            let timeout = eventLoop.scheduleTask(in: drainTimeout) {
                tally.value.abandon(.noAnswer(seconds: Double(drainTimeout.nanoseconds) / 1e9))
            }
            return tally.value.whenDrained.always { _ in timeout.cancel() }
        }
        try await drained.get()
        _ = try await onLoop(tally) { _ in }
    }

    /// Runs `body` on the loop; a failure that a connection met comes out here.
    @discardableResult
    private func onLoop<Value: Sendable>(
        _ tally: NIOLoopBound<LoadTally>, _ body: @escaping @Sendable (LoadTally) -> Value
    ) async throws -> Value {
        try await eventLoop.submit {
            let value = body(tally.value)
            if let failure = tally.value.failure { throw failure }
            return value
        }.get()
    }
}
