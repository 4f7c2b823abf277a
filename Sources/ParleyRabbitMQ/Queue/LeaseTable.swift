import ParleyCore
import ParleyModel

/// The messages that a connection has taken and not settled yet, and until when they are leased. It must know all of them:
/// several are acknowledged at once as "all up to".
struct LeaseTable {
    struct Lease: Equatable {
        let id: PushJobID
        /// Names the message on its connection; grows.
        let tag: UInt64
        let content: Content
        var attempt: Int
        /// By the time of those who lease.
        var endsAt: Timestamp
        /// When the message is overdue for going back to the broker.
        var givenBackAt: ContinuousClock.Instant
    }

    enum Content: Equatable {
        case job(PushJob)
        /// A body that is no push job.
        case unreadable([UInt8], messageID: String)
    }

    private var leases: [PushJobID: Lease] = [:]

    var count: Int { leases.count }

    subscript(id: PushJobID) -> Lease? { leases[id] }

    mutating func add(_ lease: Lease) {
        leases[lease.id] = lease
    }

    mutating func removeAll() {
        leases.removeAll()
    }

    /// Leases up to that many again whose time is over, oldest first.
    mutating func renewExpired(limit: Int, at now: Timestamp, until end: Timestamp, givenBackAt: ContinuousClock.Instant) -> [Lease] {
        let expired = leases.values.filter { $0.endsAt <= now }.sorted { $0.tag < $1.tag }.prefix(limit)
        return expired.map { lease in
            var lease = lease
            lease.attempt += 1
            lease.endsAt = end
            lease.givenBackAt = givenBackAt
            leases[lease.id] = lease
            return lease
        }
    }

    /// Forgets the leases named, and tells how their messages are acknowledged: all up to a tag, and further single ones.
    mutating func settle(_ ids: some Sequence<PushJobID>) -> (upTo: UInt64?, tags: [UInt64]) {
        let tags = ids.compactMap { leases.removeValue(forKey: $0)?.tag }.sorted()
        guard let oldestLeft = leases.values.map(\.tag).min() else { return (tags.last, []) }
        let before = tags.prefix { $0 < oldestLeft }
        return before.count > 1 ? (before.last, Array(tags.dropFirst(before.count))) : (nil, tags)
    }

    /// Forgets the leases that are overdue, and tells their messages' tags.
    mutating func removeOverdue(at instant: ContinuousClock.Instant) -> [UInt64] {
        let overdue = leases.values.filter { $0.givenBackAt <= instant }
        for lease in overdue { leases[lease.id] = nil }
        return overdue.map(\.tag).sorted()
    }
}
