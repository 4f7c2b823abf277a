public import ParleyModel

/// Who is online. A hint, not a promise: it is asked again before a notification is sent.
public protocol Presence: Sendable {
    /// A connection of the user has been authenticated here.
    func arrived(_ user: UserID) async
    /// A connection of the user has ended here.
    func left(_ user: UserID, at now: Timestamp) async
    /// Those of `users` that are online. Throws when it cannot be known; then they count as offline for queueing.
    func online(among users: [UserID]) async throws(StoreError) -> Set<UserID>
    func state(of user: UserID) async throws(StoreError) -> PresenceState
}
