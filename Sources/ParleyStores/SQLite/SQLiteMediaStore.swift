import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Media metadata in SQLite. Uses are recorded by ``SQLiteMessageStore`` as messages are stored.
public struct SQLiteMediaStore: MediaStore {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    public func register(_ media: Media) async throws(StoreError) {
        try await database.write { db in
            try db.cachedStatement(
                sql: """
                    INSERT INTO media (id, owner_id, kind, name, size, content_type, url, width, height, duration_ms, created_at)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                    """
            ).execute(arguments: [
                media.id.blob, media.ownerID.blob, media.kind.rawValue, media.name, media.size, media.contentType, media.url, media.width,
                media.height, media.durationMilliseconds, media.createdAt.milliseconds,
            ])
        }
    }

    public func media(_ ids: [MediaID]) async throws(StoreError) -> [MediaID: Media] {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: "SELECT owner_id, kind, name, size, content_type, url, width, height, duration_ms, created_at FROM media WHERE id = ?")
            var found: [MediaID: Media] = [:]
            for id in Set(ids) {
                guard let row = try Row.fetchOne(statement, arguments: [id.blob]) else { continue }
                guard let kind = MediaKind(rawValue: row[1]) else { throw DamagedRow(column: "kind") }
                found[id] = Media(
                    id: id, ownerID: try row.id(at: 0), kind: kind, name: row[2], size: row[3], contentType: row[4], url: row[5],
                    width: row[6], height: row[7], durationMilliseconds: row[8], createdAt: row.timestamp(at: 9))
            }
            return found
        }
    }

    public func wasSent(_ id: MediaID, whereParticipates user: UserID) async throws(StoreError) -> Bool {
        try await database.read { db in
            try Bool.fetchOne(
                db,
                sql: """
                    SELECT EXISTS (
                        SELECT 1 FROM media_uses JOIN participants USING (conversation_ref) WHERE media_id = ? AND user_id = ?
                    )
                    """, arguments: [id.blob, user.blob]) ?? false
        }
    }
}
