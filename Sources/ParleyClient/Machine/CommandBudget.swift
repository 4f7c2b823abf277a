/// How many commands may be sent: some way below what the server allows, so that it never has to close the connection.
struct CommandBudget: Sendable, Equatable {
    private let perSecond: Double
    private let burst: Double
    private var tokens: Double
    private var filledAt: Int64

    init(serverLimit: Int64, at now: Int64) {
        perSecond = max(1, Double(serverLimit) * 0.8)
        burst = max(1, Double(serverLimit) / 2)
        tokens = burst
        filledAt = now
    }

    mutating func take(at now: Int64) -> Bool {
        tokens = min(burst, tokens + Double(max(0, now - filledAt)) / 1000 * perSecond)
        filledAt = now
        guard tokens >= 1 else { return false }
        tokens -= 1
        return true
    }
}
