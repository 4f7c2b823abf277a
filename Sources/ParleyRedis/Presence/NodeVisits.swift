import ParleyModel
import Synchronization

/// The users with connections at this node, and those of whom Redis was not told that they left.
final class NodeVisits: Sendable {
    /// Departures that wait for Redis to come back; one more is told by the end of its lease.
    private static let maxOwed = 100_000

    private struct State {
        var connections: [UserID: Int] = [:]
        var owed: [UserID: Timestamp] = [:]
    }

    private let state = Mutex(State())

    /// True for the first connection.
    func arrived(_ user: UserID) -> Bool {
        state.withLock { state in
            let count = state.connections[user] ?? 0
            state.connections[user] = count + 1
            state.owed[user] = nil
            return count == 0
        }
    }

    /// True for the last connection; who has none is passed over.
    func left(_ user: UserID) -> Bool {
        state.withLock { state in
            guard let count = state.connections[user] else { return false }
            state.connections[user] = count > 1 ? count - 1 : nil
            return count == 1
        }
    }

    func isHere(_ user: UserID) -> Bool { state.withLock { $0.connections[user] != nil } }

    func here(among users: [UserID]) -> [UserID] {
        state.withLock { state in users.filter { state.connections[$0] != nil } }
    }

    var all: [UserID] { state.withLock { Array($0.connections.keys) } }

    /// Redis could not be told that the user left.
    func owe(_ user: UserID, since time: Timestamp) {
        state.withLock { state in
            guard state.connections[user] == nil, state.owed.count < Self.maxOwed else { return }
            state.owed[user] = time
        }
    }

    /// What is owed, which is not owed any more.
    func takeOwed() -> [UserID: Timestamp] {
        state.withLock { state in
            defer { state.owed = [:] }
            return state.owed
        }
    }
}
