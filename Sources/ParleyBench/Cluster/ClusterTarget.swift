public import ParleyModel

/// What the benchmark of a cluster must be given: the engines, and the service that Parley is put beside.
public struct ClusterTarget: Sendable {
    /// The opened engines.
    public struct Engines: Sendable {
        /// What each engine can do by itself, by writes to rows of these conversations.
        public let limits: @Sendable (_ conversations: [ConversationID]) -> [EngineLimit]
        public let close: @Sendable () async -> Void

        public init(
            limits: @escaping @Sendable (_ conversations: [ConversationID]) -> [EngineLimit], close: @escaping @Sendable () async -> Void
        ) {
            self.limits = limits
            self.close = close
        }
    }

    /// The settings that make a node one of the cluster, by their names in the environment.
    public let environment: [String: String]
    /// Opens the engines. Throws when they hold data already: what is measured would not be what the report says.
    public let open: @Sendable () async throws -> Engines
    /// The arguments that make the measured program the plain service, which takes its settings from the environment.
    public let plainService: [String]

    public init(
        environment: [String: String], plainService: [String], open: @escaping @Sendable () async throws -> Engines
    ) {
        self.environment = environment
        self.plainService = plainService
        self.open = open
    }
}

/// One thing that an engine can do, repeated by some callers at once.
public struct EngineLimit: Sendable {
    public let name: String
    public let callers: Int
    /// How much one call does: rows, messages.
    public let perCall: Int
    let call: @Sendable (_ caller: Int) async throws -> Void

    public init(_ name: String, callers: Int, perCall: Int, call: @escaping @Sendable (_ caller: Int) async throws -> Void) {
        self.name = name
        self.callers = callers
        self.perCall = perCall
        self.call = call
    }

    /// Calls one after the other from each caller, for `seconds` after a warm-up. Latencies are those of calls, rates of what they did.
    func measure(warmUpSeconds: Double, seconds: Double) async throws -> LoadSample {
        let start = ContinuousClock.now + .seconds(warmUpSeconds)
        let end = start + .seconds(seconds)
        let (histogram, calls) = try await withThrowingTaskGroup(of: (LatencyHistogram, Int64).self) { group in
            for caller in 0..<callers { group.addTask { try await repeated(by: caller, from: start, until: end) } }
            var all = (histogram: LatencyHistogram(), calls: Int64(0))
            for try await (histogram, calls) in group {
                all.histogram.add(histogram)
                all.calls += calls
            }
            return all
        }
        return LoadSample(
            histogram: histogram, seconds: Double((ContinuousClock.now - start).nanoseconds) / 1e9, perRecord: Int64(perCall),
            answers: calls * Int64(perCall))
    }

    private func repeated(
        by caller: Int, from start: ContinuousClock.Instant, until end: ContinuousClock.Instant
    ) async throws -> (LatencyHistogram, Int64) {
        var histogram = LatencyHistogram()
        var calls: Int64 = 0
        var isMeasured = false
        // Until one is measured, however late the machine lets this caller begin.
        repeat {
            let before = ContinuousClock.now
            try await call(caller)
            calls += 1
            if before >= start {
                histogram.record(nanoseconds: (ContinuousClock.now - before).nanoseconds)
                isMeasured = true
            }
        } while ContinuousClock.now < end || !isMeasured
        return (histogram, calls)
    }
}
