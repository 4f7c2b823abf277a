public import ParleyModel

/// Who is online. A user is online by lease: as long as one of their connections is known and its node renews the lease.
/// A hint, not a promise: it is asked again before a notification is sent.
///
/// A connection counts as *attended*, until its client says that nobody sits at it: clients that never say so keep their users
/// attended for as long as they are connected.
public protocol Presence: Sendable {
    /// A connection of the user has been authenticated here, and is attended. True when the user was offline until then.
    @discardableResult
    func arrived(_ user: UserID) async -> Bool
    /// An attended connection of the user's here is so no more, or one that was not is again.
    func turned(_ user: UserID, _ attention: Attention) async
    /// A connection of the user has ended here, which stood like this.
    func left(_ user: UserID, _ attention: Attention, at now: Timestamp) async
    /// These users still have connections here: their leases begin anew. A node that stops renewing lets its users go
    /// offline after ``PresenceLease/seconds``.
    func renew(_ users: [UserID]) async
    /// Those of `users` that are online. Throws when it cannot be known; then they count as offline for queueing.
    func online(among users: [UserID]) async throws(StoreError) -> Set<UserID>
    /// Those of `users` that are online with an attended connection; the others are told by push services. Throws when it
    /// cannot be known.
    func attended(among users: [UserID]) async throws(StoreError) -> Set<UserID>
    /// The state of each of `users`.
    func states(of users: [UserID]) async throws(StoreError) -> [UserID: PresenceState]
}

/// Whether somebody sits at a connection, as its client has told.
public enum Attention: Sendable, Equatable {
    case attended
    case away
}

extension Presence {
    /// An attended connection of the user has ended here.
    public func left(_ user: UserID, at now: Timestamp) async { await left(user, .attended, at: now) }

    public func state(of user: UserID) async throws(StoreError) -> PresenceState {
        try await states(of: [user])[user] ?? PresenceState(online: false, lastSeenAt: nil)
    }
}

public enum PresenceLease {
    /// How long a user counts as online without a renewal: also how long the users of a node that died get no notifications.
    public static let seconds = 30.0
    /// How often a node renews.
    public static let renewalSeconds = 10.0
}
