public import ParleyCore
public import ParleyModel

/// Media metadata in PostgreSQL. Where a medium was sent, the messages know.
public struct PostgresMediaStore: MediaStore {
    private let database: PostgresDatabase
    private let facts: any MessageFacts

    /// - Parameter facts: Knows in which conversations a medium was sent.
    public init(_ database: PostgresDatabase, facts: any MessageFacts) {
        self.database = database
        self.facts = facts
    }

    private static let insert = PostgresStatement(
        "media.insert",
        """
        INSERT INTO media (media_id, owner_id, kind, name, size, content_type, url, width, height, duration_ms, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        """)

    public func register(_ media: Media) async throws(StoreError) {
        _ = try await database.run { connection throws(PostgresFailure) in
            try connection.write(
                Self.insert(
                    .id(media.id), .id(media.ownerID), .text(media.kind.rawValue), .text(media.name), .int64(media.size),
                    .text(media.contentType), .text(media.url), .int64(media.width), .int64(media.height),
                    .int64(media.durationMilliseconds), .timestamp(media.createdAt))
            ).changed
        }
    }

    private static let find = PostgresStatement(
        "media.find",
        """
        SELECT media_id, owner_id, kind, name, size, content_type, url, width, height, duration_ms, created_at
        FROM media WHERE media_id = ANY ($1)
        """)

    public func media(_ ids: [MediaID]) async throws(StoreError) -> [MediaID: Media] {
        guard !ids.isEmpty else { return [:] }
        let found = try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.find(.ids(ids))).map(Self.media)
        }
        return Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
    }

    private static func media(_ row: PostgresRow) throws(PostgresFailure) -> Media {
        guard let kind = MediaKind(rawValue: try row.text(2)) else { throw .damaged("an unknown kind of medium") }
        return Media(
            id: try row.id(0), ownerID: try row.id(1), kind: kind, name: try row.text(3), size: try row.int64(4),
            contentType: try row.text(5), url: try row.text(6), width: try row.optionalInt64(7), height: try row.optionalInt64(8),
            durationMilliseconds: try row.optionalInt64(9), createdAt: try row.timestamp(10))
    }

    private static let participates = PostgresStatement(
        "media.participates",
        "SELECT EXISTS (SELECT 1 FROM participants WHERE user_id = $1 AND conversation_id = ANY ($2))")

    public func wasSent(_ id: MediaID, whereParticipates user: UserID) async throws(StoreError) -> Bool {
        let conversations = try await facts.conversations(inWhichWasSent: id)
        guard !conversations.isEmpty else { return false }
        return try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.participates(.id(user), .ids(conversations)))[0].bool(0)
        }
    }
}
