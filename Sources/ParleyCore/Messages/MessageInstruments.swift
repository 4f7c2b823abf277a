import CoreMetrics

/// What an operator sees of creating messages. The names are listed in docs/OPERATING.md.
public struct MessageInstruments: Sendable {
    private let stored = Counter(label: "parley_creates_total", dimensions: [("outcome", "stored")])
    private let repeated = Counter(label: "parley_creates_total", dimensions: [("outcome", "repeated")])
    private let refused = Counter(label: "parley_creates_total", dimensions: [("outcome", "refused")])
    private let failed = Counter(label: "parley_creates_total", dimensions: [("outcome", "failed")])
    private let overloaded = Counter(label: "parley_creates_total", dimensions: [("outcome", "overloaded")])
    private let batchSize = Recorder(label: "parley_append_batch_messages", aggregate: true)
    private let laneDepth = Gauge(label: "parley_lane_depth")
    private let steps: [Step: Timer]

    /// The steps whose time is measured, named as in DESIGN section 2.
    public enum Step: String, CaseIterable, Sendable {
        case authorise, append, publish, notify, create
    }

    public init() {
        var steps: [Step: Timer] = [:]
        for step in Step.allCases { steps[step] = Timer(label: "parley_step_seconds", dimensions: [("step", step.rawValue)]) }
        self.steps = steps
    }

    func took(_ step: Step, since start: ContinuousClock.Instant) {
        steps[step]?.recordNanoseconds((ContinuousClock.now - start).nanoseconds)
    }

    func appended(batch: Int, took duration: Duration, left: Int) {
        batchSize.record(batch)
        laneDepth.record(left)
        steps[.append]?.recordNanoseconds(duration.nanoseconds)
    }

    func created(repeated isRepeat: Bool) {
        (isRepeat ? repeated : stored).increment()
    }

    func refused(_ code: ErrorCodeClass) {
        switch code {
        case .refused: refused.increment()
        case .overloaded: overloaded.increment()
        case .failed: failed.increment()
        }
    }

    enum ErrorCodeClass { case refused, overloaded, failed }
}

extension Duration {
    /// Whole nanoseconds; durations here are far shorter than the 292 years that fit.
    var nanoseconds: Int64 {
        components.seconds * 1_000_000_000 + components.attoseconds / 1_000_000_000
    }
}
