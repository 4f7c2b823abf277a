/// What the server is to be told of whether somebody is at this client: each change on each connection, and while somebody
/// is, again before the server stops believing it. Nothing until the app has said it for the first time.
struct ActivityNews: Sendable {
    /// Until the server has said how long it believes it.
    static let defaultExpiryMilliseconds: Int64 = 60_000
    /// It is told no more often than this, whatever the server says.
    static let minIntervalMilliseconds: Int64 = 1000

    private var isActive: Bool?
    /// What this connection was told last, and when.
    private var told: (active: Bool, at: Int64)?
    private var notBefore = Int64.min
    /// How long the server believes that somebody is there.
    private(set) var expiryMilliseconds = defaultExpiryMilliseconds

    mutating func set(_ isActive: Bool) { self.isActive = isActive }

    /// What may be told now; it counts as told.
    mutating func next(at now: Int64, within budget: inout CommandBudget) -> Bool? {
        guard let isActive, isDue(isActive, at: now), budget.take(at: now) else { return nil }
        told = (isActive, now)
        return isActive
    }

    private func isDue(_ isActive: Bool, at now: Int64) -> Bool {
        guard let told else { return now >= notBefore }
        return told.active != isActive || (isActive && now - told.at >= max(Self.minIntervalMilliseconds, expiryMilliseconds / 2))
    }

    /// The server has taken it, and believes it for that long. Told again halfway, an answer that is slow once does no harm.
    mutating func taken(expiresInMilliseconds: Int64?) {
        if let expiresInMilliseconds { expiryMilliseconds = expiresInMilliseconds }
    }

    /// The server said "later".
    mutating func postpone(until time: Int64) {
        told = nil
        notBefore = time
    }

    /// The next connection knows nothing of what this one was told.
    mutating func connectionLost() {
        told = nil
        notBefore = .min
    }
}
