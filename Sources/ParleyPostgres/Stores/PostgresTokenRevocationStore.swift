public import ParleyCore
public import ParleyModel

/// Revocations in PostgreSQL.
public struct PostgresTokenRevocationStore: TokenRevocationStore {
    private let database: PostgresDatabase

    /// Over a database that is migrated.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    private static let revoke = PostgresStatement(
        "token.revoke",
        """
        INSERT INTO token_revocations AS r (user_id, issued_before) VALUES ($1, $2)
        ON CONFLICT (user_id) DO UPDATE SET issued_before = greatest(r.issued_before, excluded.issued_before)
        """)

    public func revoke(_ user: UserID, before time: Timestamp) async throws(StoreError) {
        _ = try await database.run { connection throws(PostgresFailure) in
            try connection.write(Self.revoke(.id(user), .timestamp(time))).changed
        }
    }

    private static let find = PostgresStatement("token.revoked", "SELECT issued_before FROM token_revocations WHERE user_id = $1")

    public func revokedBefore(of user: UserID) async throws(StoreError) -> Timestamp? {
        try await database.run { connection throws(PostgresFailure) in
            guard let row = try connection.read(Self.find(.id(user))).first else { return nil }
            return try row.timestamp(0)
        }
    }
}
