public import ParleyModel

/// Who asks, as the token says.
public struct Caller: Sendable, Equatable {
    /// The user for whom the request acts; nil for a service token that named none.
    public let userID: UserID?
    /// A service token acts for any user.
    public let isService: Bool
    /// When the token ends; nil for never.
    public let expiresAt: Timestamp?
    /// When the token was issued; nil when it does not say.
    public let issuedAt: Timestamp?

    public init(userID: UserID?, isService: Bool = false, expiresAt: Timestamp? = nil, issuedAt: Timestamp? = nil) {
        self.userID = userID
        self.isService = isService
        self.expiresAt = expiresAt
        self.issuedAt = issuedAt
    }

    /// The same caller, acting for `user`; only for service tokens.
    public func acting(for user: UserID) -> Caller {
        Caller(userID: user, isService: isService, expiresAt: expiresAt, issuedAt: issuedAt)
    }
}

/// Tells who holds a token.
public protocol TokenVerifier: Sendable {
    /// Throws `invalid_token`, `token_expired` or `token_revoked`.
    func verify(_ token: String) async throws(ParleyError) -> Caller
}
