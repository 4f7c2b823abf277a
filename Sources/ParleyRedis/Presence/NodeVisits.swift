import ParleyCore
import ParleyModel
import Synchronization

/// What a node has to say of a user.
enum NodeVisit: Sendable, Equatable {
    /// With an attended connection.
    case attended
    /// With connections, none of them attended.
    case away
    /// Without connection.
    case gone
}

/// The users with connections at this node, and those of whom Redis was not told that they left.
final class NodeVisits: Sendable {
    /// Departures that wait for Redis to come back; one more is told by the end of its lease.
    private static let maxOwed = 100_000

    private struct Connections {
        var all = 0
        var away = 0

        var visit: NodeVisit { all == 0 ? .gone : away < all ? .attended : .away }
    }

    private struct State {
        var connections: [UserID: Connections] = [:]
        var owed: [UserID: Timestamp] = [:]
    }

    private let state = Mutex(State())

    /// True for the first connection.
    func arrived(_ user: UserID) -> Bool {
        state.withLock { state in
            let isFirst = state.connections[user] == nil
            state.connections[user, default: Connections()].all += 1
            state.owed[user] = nil
            return isFirst
        }
    }

    /// What is so now, if it was not before; who has no connection is passed over.
    func turned(_ user: UserID, _ attention: Attention) -> NodeVisit? {
        change(user) { $0.away += attention == .away ? 1 : -1 }
    }

    /// What is so now, if it was not before; who has no connection is passed over.
    func left(_ user: UserID, _ attention: Attention) -> NodeVisit? {
        change(user) { connections in
            connections.all -= 1
            if attention == .away { connections.away -= 1 }
        }
    }

    private func change(_ user: UserID, _ body: (inout Connections) -> Void) -> NodeVisit? {
        state.withLock { state in
            guard var connections = state.connections[user] else { return nil }
            let before = connections.visit
            body(&connections)
            state.connections[user] = connections.all > 0 ? connections : nil
            return connections.visit == before ? nil : connections.visit
        }
    }

    func visit(of user: UserID) -> NodeVisit { state.withLock { $0.connections[user]?.visit ?? .gone } }

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
