import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// A data folder as what is copied into other engines. Each page is read from one snapshot, in a short transaction, so that a
/// server which runs beside it is not held up, and its log does not grow.
public struct SQLiteCopySource: Sendable {
    let database: SQLiteDatabase
    let sizes: CopySizes

    public init(_ database: SQLiteDatabase, sizes: CopySizes = .init()) {
        self.database = database
        self.sizes = sizes
    }

    /// Which folder this is. A copy of the file is the same folder.
    public func identity() async throws(StoreError) -> FolderID {
        try await database.read { db in
            guard let row = try Row.fetchOne(db, sql: "SELECT folder_id FROM folder_identity") else {
                throw StoreError.unexpected("the folder has no identity")
            }
            return try row.id(at: 0)
        }
    }

    // MARK: Messages

    /// The position of the newest message.
    public func newestPosition() async throws(StoreError) -> LogPosition {
        try await SQLiteMessageStore(database).lastPosition()
    }

    /// The messages that follow a position, up to and including another one, in order.
    public func messages(after position: LogPosition, through end: LogPosition) async throws(StoreError) -> [LoggedMessage] {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT position, (SELECT id FROM conversations WHERE ref = conversation_ref), \(SQLiteMessageStore.columns)
                    FROM messages WHERE position > ? AND position <= ? ORDER BY position LIMIT ?
                    """)
            var messages: [LoggedMessage] = []
            let rows = try Row.fetchCursor(statement, arguments: [position.value, end.value, sizes.messages])
            while let row = try rows.next() {
                let message = try SQLiteMessageStore.message(row, in: try row.id(at: 1), from: 2)
                messages.append(LoggedMessage(message: message, position: LogPosition(row[0])))
            }
            return messages
        }
    }

    /// Who made the ids of the messages whose effects are not done, as a server leaves them that was killed, with the second of
    /// the earliest.
    public func makersOfDueMessages() async throws(StoreError) -> [NodeID: Int64] {
        try await database.read { db in
            let rows = try Row.fetchCursor(
                db, sql: "SELECT id FROM messages WHERE position > (SELECT position FROM effect_checkpoint)")
            var seconds: [NodeID: Int64] = [:]
            while let row = try rows.next() {
                let id = try row.messageID(at: 0)
                seconds[id.node] = min(seconds[id.node] ?? .max, id.second)
            }
            return seconds
        }
    }

    // MARK: Everything else, by pages

    /// The media with the next ids.
    public func media(after id: MediaID?) async throws(StoreError) -> [Media] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT id, owner_id, kind, name, size, content_type, url, width, height, duration_ms, created_at
                        FROM media WHERE id > ? ORDER BY id LIMIT ?
                        """), arguments: [id?.blob ?? Data(), sizes.rows])
            return try rows.map(Self.media)
        }
    }

    private static func media(_ row: Row) throws -> Media {
        guard let kind = MediaKind(rawValue: row[2]) else { throw DamagedRow(column: "kind") }
        return Media(
            id: try row.id(at: 0), ownerID: try row.id(at: 1), kind: kind, name: row[3], size: row[4], contentType: row[5], url: row[6],
            width: row[7], height: row[8], durationMilliseconds: row[9], createdAt: row.timestamp(at: 10))
    }

    /// The devices with the next ids.
    public func devices(after id: DeviceID?) async throws(StoreError) -> [CopiedDevice] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT \(SQLiteDeviceStore.columns), number FROM devices WHERE id > ? ORDER BY id LIMIT ?
                        """), arguments: [id?.blob ?? Data(), sizes.rows])
            return try rows.map { CopiedDevice(device: try SQLiteDeviceStore.device($0), number: $0[9]) }
        }
    }

    /// All departures of the next users who have any.
    public func departures(after user: UserID?) async throws(StoreError) -> [CopiedDeparture] {
        try await database.read { db in
            let last = try Row.fetchOne(
                db,
                sql: """
                    SELECT max(user_id) FROM (SELECT user_id FROM departures WHERE user_id > ? ORDER BY user_id LIMIT ?)
                    """, arguments: [user?.blob ?? Data(), sizes.rows])
            guard let last, let end = last[0] as Data? else { return [] }
            let rows = try Row.fetchAll(
                db,
                sql: """
                    SELECT user_id, id, left_at FROM departures JOIN conversations ON ref = conversation_ref
                    WHERE user_id > ? AND user_id <= ? ORDER BY user_id, id
                    """, arguments: [user?.blob ?? Data(), end])
            return try rows.map {
                CopiedDeparture(userID: try $0.id(at: 0), conversationID: try $0.id(at: 1), leftAt: $0.timestamp(at: 2))
            }
        }
    }

    /// The revocations of the next users.
    public func revocations(after user: UserID?) async throws(StoreError) -> [CopiedRevocation] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(sql: "SELECT user_id, issued_before FROM revoked_tokens WHERE user_id > ? ORDER BY user_id LIMIT ?"),
                arguments: [user?.blob ?? Data(), sizes.rows])
            return try rows.map { CopiedRevocation(userID: try $0.id(at: 0), issuedBefore: $0.timestamp(at: 1)) }
        }
    }

    /// Push jobs that wait, in the order of their ids. A lease counts as ended: for a folder that nobody serves.
    public func pushJobs(after id: PushJobID) async throws(StoreError) -> [CopiedPushJob] {
        try await SQLitePushQueue(database).records(after: id, limit: sizes.pushJobs)
    }

    /// Dead letters, oldest first.
    public func deadLetters(after id: PushJobID) async throws(StoreError) -> [DeadPushJob] {
        try await SQLitePushQueue(database).deadLetters(limit: sizes.pushJobs, after: id)
    }
}
