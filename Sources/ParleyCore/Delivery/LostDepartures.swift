public import ParleyModel

/// Finds departures that a bus may not have told. Each is found again for some seconds, since it may become visible later than
/// it says, by another node's clock.
public struct LostDepartures: Sendable {
    /// Departures read at once, and how often in one look; what is more is left to the next look.
    static let page = 1000
    static let pagesPerLook = 10
    /// How much later than its own time a departure may be seen for the first time.
    static let marginSeconds = ResumeCursor.marginSeconds

    private let log: any DepartureLog
    private var since: Timestamp
    /// Where the last look ended before it had seen all, and the time that the next whole one begins at.
    private var rest: (after: Departure, since: Timestamp)?

    /// - Parameter now: What was known then needs no look.
    public init(_ log: any DepartureLog, from now: Timestamp) {
        self.log = log
        since = now.advanced(bySeconds: -Self.marginSeconds)
    }

    /// Nobody is here to whom it matters: what was until now needs no look.
    public mutating func pass(to now: Timestamp) {
        since = now.advanced(bySeconds: -Self.marginSeconds)
        rest = nil
    }

    /// Where it throws, the next look finds what this one did not.
    public mutating func look(at now: Timestamp) async throws(StoreError) -> [Departure] {
        var found: [Departure] = []
        let next = rest?.since ?? now.advanced(bySeconds: -Self.marginSeconds)
        for _ in 0..<Self.pagesPerLook {
            let page = try await log.departures(since: since, after: found.last ?? rest?.after, limit: Self.page)
            found += page
            guard page.count == Self.page else {
                since = next
                rest = nil
                return found
            }
        }
        rest = found.last.map { ($0, next) }
        return found
    }
}
