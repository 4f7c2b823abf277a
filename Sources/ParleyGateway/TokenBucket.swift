import NIOCore

/// How many commands a connection may still send: `perSecond` on average, `burst` at once. Times in, decision out.
struct TokenBucket {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var filledAt: NIODeadline

    init(perSecond: Int, burst: Int, at now: NIODeadline) {
        self.perSecond = Double(perSecond)
        self.burst = Double(max(1, burst))
        tokens = self.burst
        filledAt = now
    }

    /// Takes one if there is one; otherwise tells in how many seconds there will be.
    mutating func take(at now: NIODeadline) -> Double? {
        tokens = min(burst, tokens + Double((now - filledAt).nanoseconds) / 1e9 * perSecond)
        filledAt = now
        guard tokens < 1 else {
            tokens -= 1
            return nil
        }
        return (1 - tokens) / perSecond
    }
}
