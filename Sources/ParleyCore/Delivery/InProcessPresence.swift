public import ParleyModel
import Synchronization

/// The presence of a single process: counts each user's connections, and remembers when users were last seen.
public final class InProcessPresence: Presence {
    /// How many offline users' last-seen times are kept at most; those nobody left or looked at
    /// lately are forgotten first.
    public static let defaultMaxLastSeen = 100_000

    private let state: Mutex<State>

    public init(maxLastSeen: Int = defaultMaxLastSeen) {
        state = Mutex(State(lastSeen: TwoGenerationCache(capacity: maxLastSeen)))
    }

    public func arrived(_ user: UserID) async {
        state.withLock { $0.connections[user, default: 0] += 1 }
    }

    public func left(_ user: UserID, at now: Timestamp) async {
        state.withLock { state in
            guard let count = state.connections[user] else { return }
            state.connections[user] = count > 1 ? count - 1 : nil
            if count == 1 { state.lastSeen.insert(now, for: user) }
        }
    }

    public func online(among users: [UserID]) async -> Set<UserID> {
        state.withLock { state in Set(users.filter { state.connections[$0] != nil }) }
    }

    public func state(of user: UserID) async -> PresenceState {
        state.withLock { PresenceState(online: $0.connections[user] != nil, lastSeenAt: $0.lastSeen[user]) }
    }
}

private struct State {
    var connections: [UserID: Int] = [:]
    var lastSeen: TwoGenerationCache<UserID, Timestamp>
}
