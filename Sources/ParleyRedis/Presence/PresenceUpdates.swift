import ParleyCore
import ParleyModel
import Synchronization

/// What this node tells Redis of its users. Commands say what is so when they are made, which is when they are sent.
final class PresenceUpdates: Sendable {
    let visits = NodeVisits()
    private let node = RedisNodeID.random()
    private let leaseMilliseconds: Int64
    /// Of the script, by which a server that has seen it knows it.
    private let digest = Mutex<[UInt8]?>(nil)

    init(leaseSeconds: Double) {
        leaseMilliseconds = max(1, Int64(leaseSeconds * 1000))
    }

    /// How the user stands here; `leftAt` is when they left, if they did.
    func update(of user: UserID, leftAt: Timestamp? = nil) -> [RedisCommand] { withScript([command(user, leftAt: leftAt)]) }

    /// New leases for those of `users` that are here.
    func renewal(of users: [UserID]) -> [RedisCommand] { withScript(visits.here(among: users).map { command($0) }) }

    /// For a server that has been away and may have forgotten everything.
    func repair() -> [RedisCommand] {
        let owed = visits.takeOwed().map { command($0.key, leftAt: $0.value) }
        return [PresenceCommands.load] + visits.all.map { command($0) } + owed
    }

    private func command(_ user: UserID, leftAt: Timestamp? = nil) -> RedisCommand {
        PresenceCommands.update(
            user, visits.visit(of: user), node: node, leaseMilliseconds: leaseMilliseconds, leftAt: leftAt,
            digest: digest.withLock { $0 })
    }

    // MARK: The script

    private func withScript(_ commands: [RedisCommand]) -> [RedisCommand] {
        digest.withLock { $0 } == nil ? [PresenceCommands.load] + commands : commands
    }

    /// Reads the replies to ``update(of:leftAt:)`` or ``renewal(of:)``: those to the updates. Nil when the server did not know the script: then
    /// it is to be asked again.
    func updates(in replies: [RedisReply]) -> ArraySlice<RedisReply>? {
        if case .text(let found)? = replies.first {
            digest.withLock { $0 = found }
            return replies.dropFirst()
        }
        let isUnknown = replies.contains { if case .error(let sentence) = $0 { sentence.hasPrefix("NOSCRIPT") } else { false } }
        guard isUnknown else { return replies[...] }
        digest.withLock { $0 = nil }
        return nil
    }
}
