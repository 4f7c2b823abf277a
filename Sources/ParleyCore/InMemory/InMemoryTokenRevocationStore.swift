public import ParleyModel

/// Revocations in memory.
public actor InMemoryTokenRevocationStore: TokenRevocationStore {
    private var revoked: [UserID: Timestamp] = [:]

    public init() {}

    public func revoke(_ user: UserID, before time: Timestamp) {
        revoked[user] = max(time, revoked[user] ?? time)
    }

    public func revokedBefore(of user: UserID) -> Timestamp? { revoked[user] }
}
