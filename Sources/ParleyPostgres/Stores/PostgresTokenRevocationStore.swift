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

    private static let findAll = PostgresStatement(
        "token.revoked-among", "SELECT user_id, issued_before FROM token_revocations WHERE user_id = ANY ($1)")

    public func revokedBefore(among users: [UserID]) async throws(StoreError) -> [UserID: Timestamp] {
        guard !users.isEmpty else { return [:] }
        return try await database.run { connection throws(PostgresFailure) in
            let rows = try connection.read(Self.findAll(.ids(users)))
            var found: [UserID: Timestamp] = [:]
            for row in 0..<rows.count { found[try rows[row].id(0)] = try rows[row].timestamp(1) }
            return found
        }
    }
}
