public import Logging
public import ParleyCore
public import ParleyModel

/// Presence of all nodes, in Redis. The key `user:online:<id>` exists while the user is online, also for other programs.
///
/// Each node counts its own connections and tells Redis which users it has. It says what is so when it is said, over one
/// connection, so that of a user who comes and goes quickly the last word is right. Leases run by the server's clock.
///
/// When Redis was away, the node tells it of everybody who is here, and of those who left meanwhile, as soon as it is back.
public final class RedisPresence: Presence {
    private let updates: PresenceUpdates
    private let pipeline: RedisPipeline

    /// Begins to connect, and returns at once. The thread lives until ``close()``.
    ///
    /// - Parameter leaseSeconds: How long a user counts as online without a renewal; another value is for tests.
    public init(_ configuration: RedisConfiguration, leaseSeconds: Double = PresenceLease.seconds, logger: Logger) {
        let updates = PresenceUpdates(leaseSeconds: leaseSeconds)
        self.updates = updates
        pipeline = RedisPipeline(configuration, name: "parley-presence", logger: logger) { updates.repair() }
    }

    /// Asks and tells no more, and returns when the connection is closed. Users of this node stay online until their leases
    /// end. It blocks: not for tasks and event loops.
    public func close() { pipeline.close() }

    /// For health checks: throws `unavailable`, with the reason, while it cannot be known who is online.
    public func probe() async throws(StoreError) { try await pipeline.probe() }

    // MARK: Telling

    /// True when no node had the user until then. While Redis is down, true when this node had not.
    @discardableResult
    public func arrived(_ user: UserID) async -> Bool {
        let isFirstHere = updates.visits.arrived(user)
        let wasOnline = try? await tell(1) { [updates] in updates.update(of: user) }.first?.checked().integer
        return wasOnline.map { $0 == 0 } ?? isFirstHere
    }

    /// With the last connection of all nodes the user is offline at once, and last seen at `now`. While Redis is down, it is
    /// told later.
    public func left(_ user: UserID, _ attention: Attention, at now: Timestamp) async {
        guard let visit = updates.visits.left(user, attention) else { return }
        guard visit == .gone else { return await tellAttention(of: user) }
        do throws(StoreError) {
            _ = try await tell(1) { [updates] in updates.update(of: user, leftAt: now) }.first?.checked()
        } catch {
            updates.visits.owe(user, since: now)
        }
    }

    public func turned(_ user: UserID, _ attention: Attention) async {
        if updates.visits.turned(user, attention) != nil { await tellAttention(of: user) }
    }

    /// Failures are made up for by the next renewal.
    private func tellAttention(of user: UserID) async {
        _ = try? await tell(1) { [updates] in updates.update(of: user) }
    }

    /// Failures are made up for by the next renewal.
    public func renew(_ users: [UserID]) async {
        guard !users.isEmpty else { return }
        _ = try? await tell(users.count) { [updates] in updates.renewal(of: users) }
    }

    private func tell(_ weight: Int, _ commands: @escaping RedisPipeline.Commands) async throws(StoreError) -> ArraySlice<RedisReply> {
        if let replies = updates.updates(in: try await pipeline.run(weight: weight, commands)) { return replies }
        return updates.updates(in: try await pipeline.run(weight: weight, commands)) ?? []
    }

    // MARK: Asking

    /// In one round trip for each thousand users.
    public func online(among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        guard !users.isEmpty else { return [] }
        let replies = try await pipeline.run(weight: users.count) { users.map(PresenceCommands.isOnline) }
        var online: Set<UserID> = []
        for (user, reply) in zip(users, replies) where try reply.checked().integer == 1 { online.insert(user) }
        return online
    }

    /// In one round trip for each thousand users.
    public func attended(among users: [UserID]) async throws(StoreError) -> Set<UserID> {
        guard !users.isEmpty else { return [] }
        let replies = try await pipeline.run(weight: users.count) { users.map(PresenceCommands.attention) }
        var attended: Set<UserID> = []
        for (user, reply) in zip(users, replies) where PresenceCommands.isAttended(try reply.checked()) { attended.insert(user) }
        return attended
    }

    public func states(of users: [UserID]) async throws(StoreError) -> [UserID: PresenceState] {
        guard !users.isEmpty else { return [:] }
        let replies = try await pipeline.run(weight: 2 * users.count) {
            users.flatMap { [PresenceCommands.isOnline($0), PresenceCommands.lastSeen($0)] }
        }
        var states: [UserID: PresenceState] = [:]
        for (place, user) in users.enumerated() {
            let isOnline = try replies[2 * place].checked().integer == 1
            let lastSeen = try replies[2 * place + 1].checked().text.flatMap { Int64(String(decoding: $0, as: UTF8.self)) }
            states[user] = PresenceState(online: isOnline, lastSeenAt: lastSeen.map(Timestamp.init(milliseconds:)))
        }
        return states
    }
}
