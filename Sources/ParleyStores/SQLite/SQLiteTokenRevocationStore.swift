import GRDB
public import ParleyCore
public import ParleyModel

/// Revocations in SQLite.
public struct SQLiteTokenRevocationStore: TokenRevocationStore {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    public func revoke(_ user: UserID, before time: Timestamp) async throws(StoreError) {
        try await database.write { db in
            try db.execute(
                sql: """
                    INSERT INTO revoked_tokens (user_id, issued_before) VALUES (?, ?)
                    ON CONFLICT (user_id) DO UPDATE SET issued_before = max(issued_before, excluded.issued_before)
                    """, arguments: [user.blob, time.milliseconds])
        }
    }

    public func revokedBefore(of user: UserID) async throws(StoreError) -> Timestamp? {
        try await database.read { db in
            let statement = try db.cachedStatement(sql: "SELECT issued_before FROM revoked_tokens WHERE user_id = ?")
            return try Int64.fetchOne(statement, arguments: [user.blob]).map(Timestamp.init(milliseconds:))
        }
    }
}
