public import ParleyModel

/// Remembers whose tokens were revoked.
public protocol TokenRevocationStore: Sendable {
    /// The user's tokens issued before that time are good no more. Only advances. Durable when it returns.
    func revoke(_ user: UserID, before time: Timestamp) async throws(StoreError)

    /// Nil when nothing of the user's was ever revoked.
    func revokedBefore(of user: UserID) async throws(StoreError) -> Timestamp?
}
