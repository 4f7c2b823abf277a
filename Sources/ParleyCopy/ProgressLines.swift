/// Says how far something is, and how fast it goes, now and then.
struct ProgressLines: Sendable {
    private static let interval = Duration.seconds(5)

    private let what: String
    private var last: (at: ContinuousClock.Instant, count: Int64)?

    init(_ what: String) { self.what = what }

    /// A line, when it is time for one.
    mutating func line(at count: Int64, of total: Int64?) -> String? {
        let now = ContinuousClock.now
        guard let last else {
            last = (now, count)
            return nil
        }
        guard now - last.at >= Self.interval else { return nil }
        let seconds = Double((now - last.at).components.seconds) + Double((now - last.at).components.attoseconds) / 1e18
        let rate = Int64(Double(count - last.count) / seconds)
        self.last = (now, count)
        return "\(what): \(count)\(total.map { " of \($0)" } ?? ""), \(rate)/s"
    }
}
