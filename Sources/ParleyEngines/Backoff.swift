/// How long to wait before connecting to an engine again: doubling, with jitter, so that nodes which lost it together do
/// not come back together.
public struct Backoff: Sendable {
    private let first: Double
    private let longest: Double
    private var failures = 0

    /// In seconds.
    public init(first: Double = 0.1, longest: Double = 5) {
        self.first = first
        self.longest = longest
    }

    /// Seconds until the next try, between half and the whole of what is due; longer with each call, up to `longest`.
    public mutating func next() -> Double {
        let due = min(longest, first * Double(1 << min(failures, 30)))
        failures += 1
        return due * Double.random(in: 0.5...1)
    }

    /// It worked: the next failure begins anew.
    public mutating func reset() { failures = 0 }
}
