public import ParleyModel
import Synchronization

/// The presence of a single process: counts each user's connections, and remembers when users were last seen.
public final class InProcessPresence: Presence {
    /// How many offline users' last-seen times are kept at most; those nobody left or looked at
    /// lately are forgotten first.
    public static let defaultMaxLastSeen = 100_000

    private struct State {
        var visits: [UserID: Visit] = [:]
        var lastSeen: TwoGenerationCache<UserID, Timestamp>
    }

    private struct Visit {
        var connections = 0
        /// How many of them are not attended.
        var away = 0
        var leaseEnds: Timestamp
    }

    private let state: Mutex<State>
    private let timeSource: any TimeSource

    public init(maxLastSeen: Int = defaultMaxLastSeen, timeSource: any TimeSource = SystemTimeSource()) {
        state = Mutex(State(lastSeen: TwoGenerationCache(capacity: maxLastSeen)))
        self.timeSource = timeSource
    }

    @discardableResult
    public func arrived(_ user: UserID) async -> Bool {
        let now = timeSource.now()
        return state.withLock { state in
            let wasOnline = Self.isOnline(state.visits[user], at: now)
            var visit = state.visits[user] ?? Visit(leaseEnds: now)
            visit.connections += 1
            visit.leaseEnds = Self.leaseEnd(from: now)
            state.visits[user] = visit
            return !wasOnline
        }
    }

    public func turned(_ user: UserID, _ attention: Attention) async {
        state.withLock { $0.visits[user]?.away += attention == .away ? 1 : -1 }
    }

    public func left(_ user: UserID, _ attention: Attention, at now: Timestamp) async {
        state.withLock { state in
            guard var visit = state.visits[user] else { return }
            visit.connections -= 1
            if attention == .away { visit.away -= 1 }
            state.visits[user] = visit.connections > 0 ? visit : nil
            if visit.connections == 0 { state.lastSeen.insert(now, for: user) }
        }
    }

    public func renew(_ users: [UserID]) async {
        let end = Self.leaseEnd(from: timeSource.now())
        state.withLock { state in
            for user in users { state.visits[user]?.leaseEnds = end }
        }
    }

    public func online(among users: [UserID]) async -> Set<UserID> {
        let now = timeSource.now()
        return state.withLock { state in Set(users.filter { Self.isOnline(state.visits[$0], at: now) }) }
    }

    public func attended(among users: [UserID]) async -> Set<UserID> {
        let now = timeSource.now()
        return state.withLock { state in
            Set(
                users.filter { user in
                    guard let visit = state.visits[user], Self.isOnline(visit, at: now) else { return false }
                    return visit.away < visit.connections
                })
        }
    }

    public func states(of users: [UserID]) async -> [UserID: PresenceState] {
        let now = timeSource.now()
        return state.withLock { state in
            var states: [UserID: PresenceState] = [:]
            for user in users {
                states[user] = PresenceState(online: Self.isOnline(state.visits[user], at: now), lastSeenAt: state.lastSeen[user])
            }
            return states
        }
    }

    private static func leaseEnd(from now: Timestamp) -> Timestamp { now.advanced(bySeconds: PresenceLease.seconds) }
    private static func isOnline(_ visit: Visit?, at now: Timestamp) -> Bool { visit.map { $0.leaseEnds > now } ?? false }
}
