import ParleyModel

/// Who may send to which push service now. A value: it decides, and waits for nothing.
///
/// - One push service that stalls must not hold up the others, and anybody can name a push service. So an unknown one may hold
///   few requests at once, more with each that goes well, fewer with each that does not.
/// - After some failures in a row nothing is sent to it for a while (a circuit breaker), then one request tries.
struct OriginTable {
    typealias Ticket = UInt64

    enum Admission: Sendable, Equatable {
        case admitted
        /// Not now; perhaps after so many seconds.
        case refused(after: Double)
    }

    enum Entry: Equatable {
        case decided(Admission)
        /// The decision comes with the end of another request.
        case queued(Ticket)
    }

    enum Outcome: Sendable, Equatable {
        /// The push service answered, be it with a refusal of this one request.
        case answered
        /// It answered that it is asked too much.
        case busy
        /// It did not answer, or not sensibly; `after` is what it asked for.
        case failed(after: Double?)
        /// Whoever sent did not wait for the answer: nothing is known.
        case abandoned
    }

    private struct Standing {
        var underWay = 0
        var limit: Int
        var failures = 0
        var closedUntil: Timestamp?
        var waiting: [Ticket] = []

        var isIdle: Bool { underWay == 0 && waiting.isEmpty }
    }

    let limits: WebPushLimits
    private var origins: [String: Standing] = [:]
    /// Those with somebody waiting, each once; the first of them is next.
    private var waitingOrigins: [String] = []
    private var underWay = 0
    private var waitingCount = 0
    private var lastTicket: Ticket = 0

    init(_ limits: WebPushLimits) {
        self.limits = limits
    }

    // MARK: Entering and leaving

    mutating func enter(_ origin: String, at now: Timestamp) -> Entry {
        guard var standing = origins[origin] ?? newStanding(at: now) else { return .decided(.refused(after: limits.fullSeconds)) }
        defer { origins[origin] = standing }
        if let closedUntil = standing.closedUntil {
            if now < closedUntil { return .decided(.refused(after: closedUntil.seconds(since: now))) }
            // One request tries; the others come back when it has shown how things are.
            if standing.underWay > 0 { return .decided(.refused(after: limits.fullSeconds)) }
        }
        if standing.underWay < standing.limit, standing.waiting.isEmpty, underWay < limits.maxUnderWay {
            standing.underWay += 1
            underWay += 1
            return .decided(.admitted)
        }
        guard standing.waiting.count < limits.maxWaitingPerOrigin, waitingCount < limits.maxWaiting else {
            return .decided(.refused(after: limits.fullSeconds))
        }
        lastTicket += 1
        if standing.waiting.isEmpty { waitingOrigins.append(origin) }
        standing.waiting.append(lastTicket)
        waitingCount += 1
        return .queued(lastTicket)
    }

    /// The end of an admitted request, and what it decides for those that wait.
    mutating func leave(_ origin: String, _ outcome: Outcome, at now: Timestamp) -> [(Ticket, Admission)] {
        guard var standing = origins[origin] else { return [] }
        standing.underWay -= 1
        underWay -= 1
        note(outcome, in: &standing, at: now)
        origins[origin] = standing
        return sendAway(origin, at: now) + admitWaiting()
    }

    /// Whoever waited has waited long enough; false when the decision came first.
    mutating func giveUp(_ ticket: Ticket, _ origin: String) -> Bool {
        guard let place = origins[origin]?.waiting.firstIndex(of: ticket) else { return false }
        origins[origin]?.waiting.remove(at: place)
        waitingCount -= 1
        if origins[origin]?.waiting.isEmpty == true { waitingOrigins.removeAll { $0 == origin } }
        return true
    }

    // MARK: What outcomes do

    private func note(_ outcome: Outcome, in standing: inout Standing, at now: Timestamp) {
        switch outcome {
        case .abandoned: break
        case .answered:
            standing.failures = 0
            standing.closedUntil = nil
            standing.limit = min(standing.limit + 1, limits.maxUnderWayPerOrigin)
        case .busy:
            standing.failures = 0
            standing.closedUntil = nil
            standing.limit = max(standing.limit / 2, 1)
        case .failed(let after):
            standing.failures += 1
            standing.limit = max(standing.limit / 2, 1)
            let excess = standing.failures - limits.failuresToClose
            guard excess >= 0 else { return }
            let seconds = limits.closedSeconds * Double(1 << min(excess, 10))
            standing.closedUntil = now.advanced(bySeconds: min(max(seconds, after ?? 0), limits.maxClosedSeconds))
        }
    }

    /// Nobody waits for a push service that is closed.
    private mutating func sendAway(_ origin: String, at now: Timestamp) -> [(Ticket, Admission)] {
        guard let standing = origins[origin], !standing.waiting.isEmpty, let closedUntil = standing.closedUntil, now < closedUntil
        else { return [] }
        waitingCount -= standing.waiting.count
        waitingOrigins.removeAll { $0 == origin }
        origins[origin]?.waiting = []
        return standing.waiting.map { ($0, .refused(after: closedUntil.seconds(since: now))) }
    }

    /// One of each push service in turn, as long as there is room.
    private mutating func admitWaiting() -> [(Ticket, Admission)] {
        var admitted: [(Ticket, Admission)] = []
        var passed = 0
        while underWay < limits.maxUnderWay, passed < waitingOrigins.count {
            let origin = waitingOrigins.removeFirst()
            guard var standing = origins[origin], !standing.waiting.isEmpty else { continue }
            if standing.underWay < standing.limit {
                admitted.append((standing.waiting.removeFirst(), .admitted))
                standing.underWay += 1
                underWay += 1
                waitingCount -= 1
                passed = 0
            } else {
                passed += 1
            }
            origins[origin] = standing
            if !standing.waiting.isEmpty { waitingOrigins.append(origin) }
        }
        return admitted
    }

    // MARK: Room

    /// Nil when there is no room for another push service.
    private mutating func newStanding(at now: Timestamp) -> Standing? {
        if origins.count >= limits.maxOrigins {
            origins = origins.filter { !$0.value.isIdle || $0.value.closedUntil.map { now < $0 } ?? false }
        }
        return origins.count < limits.maxOrigins ? Standing(limit: limits.firstUnderWayPerOrigin) : nil
    }
}
