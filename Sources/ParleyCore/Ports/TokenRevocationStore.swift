public import ParleyModel

/// Remembers whose tokens were revoked.
public protocol TokenRevocationStore: Sendable {
    /// The user's tokens issued before that time are good no more. Only advances. Durable when it returns.
    func revoke(_ user: UserID, before time: Timestamp) async throws(StoreError)

    /// Nil when nothing of the user's was ever revoked.
    func revokedBefore(of user: UserID) async throws(StoreError) -> Timestamp?

    /// The same of those of the users of whom something was revoked.
    func revokedBefore(among users: [UserID]) async throws(StoreError) -> [UserID: Timestamp]
}

extension TokenRevocationStore {
    /// One after the other, for stores that cannot do better.
    public func revokedBefore(among users: [UserID]) async throws(StoreError) -> [UserID: Timestamp] {
        var found: [UserID: Timestamp] = [:]
        for user in users { found[user] = try await revokedBefore(of: user) }
        return found
    }
}
