public import ParleyModel
import Synchronization

/// Revoking a user's tokens, and knowing whose are revoked. Open sockets are told over the event bus and end at once; a
/// node that misses the event knows half a minute later, and then ends its sockets too, see ``missed(among:)``.
public final class TokenRevocations: EventSink {
    /// How long an answer of the store counts.
    static let maxAgeSeconds = 30.0

    private struct Known {
        let before: Timestamp?
        let at: Timestamp
    }

    private let store: any TokenRevocationStore
    private let bus: any EventBus
    private let timeSource: any TimeSource
    private let known: Mutex<TwoGenerationCache<UserID, Known>>

    public init(store: any TokenRevocationStore, bus: any EventBus, timeSource: any TimeSource, capacity: Int = 100_000) {
        self.store = store
        self.bus = bus
        self.timeSource = timeSource
        known = Mutex(TwoGenerationCache(capacity: capacity))
    }

    /// Ends all of a user's tokens that were issued before now. Only for the team's own backend.
    public func revoke(_ user: UserID, as caller: Caller) async throws(ParleyError) {
        guard caller.isService else { throw ParleyError(.serviceTokenRequired, "only a service token may revoke tokens") }
        let now = timeSource.now()
        do { try await store.revoke(user, before: now) } catch { throw ParleyError(error) }
        learn(user, now)
        await bus.publish([.tokensRevoked(user, before: now)])
    }

    /// For a bus that loses events: what it would have told of these users, whose sockets are open.
    public func missed(among users: [UserID]) async throws(StoreError) -> [BusEvent] {
        let found = try await store.revokedBefore(among: users)
        for (user, before) in found { learn(user, before) }
        return found.map { .tokensRevoked($0.key, before: $0.value) }
    }

    /// Throws `token_revoked` when the caller's token was. A token that does not say when it was issued counts as old.
    public func check(_ caller: Caller) async throws(ParleyError) {
        guard let user = caller.userID, let before = try await revokedBefore(of: user) else { return }
        guard Self.isRevoked(caller, before: before) else { return }
        throw ParleyError(.tokenRevoked, "this user's tokens were revoked; get a new one")
    }

    /// A service token is nobody's: it is not revoked with a user's.
    public static func isRevoked(_ caller: Caller, before: Timestamp) -> Bool {
        !caller.isService && (caller.issuedAt.map { $0 < before } ?? true)
    }

    private func revokedBefore(of user: UserID) async throws(ParleyError) -> Timestamp? {
        let now = timeSource.now()
        if let known = known.withLock({ $0[user] }), now.seconds(since: known.at) < Self.maxAgeSeconds { return known.before }
        let before: Timestamp?
        do { before = try await store.revokedBefore(of: user) } catch { throw ParleyError(error) }
        learn(user, before)
        return before
    }

    private func learn(_ user: UserID, _ before: Timestamp?) {
        let now = timeSource.now()
        known.withLock { cache in
            let latest = [cache[user]?.before, before].compactMap(\.self).max()
            cache.insert(Known(before: latest, at: now), for: user)
        }
    }

    public func receive(_ events: [BusEvent]) {
        for case .tokensRevoked(let user, let before) in events { learn(user, before) }
    }
}
