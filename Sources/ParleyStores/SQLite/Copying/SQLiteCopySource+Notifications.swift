import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Settings, and the push ledger of a folder that nobody serves: claims and leases count as ended.
extension SQLiteCopySource {
    /// The settings of the next users who have any.
    public func settings(after user: UserID?) async throws(StoreError) -> [CopiedSettings] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT user_id, \(SQLiteNotificationSettingsStore.columns) FROM notification_settings
                        WHERE user_id > ? ORDER BY user_id LIMIT ?
                        """), arguments: [user?.blob ?? Data(), sizes.rows])
            return try rows.map {
                CopiedSettings(userID: try $0.id(at: 0), settings: try SQLiteNotificationSettingsStore.settings($0, from: 1))
            }
        }
    }

    /// The next alerts that were sent, by message and device.
    public func alerts(after key: AlertKey?) async throws(StoreError) -> [CopiedAlert] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT device_id, message_id, (SELECT id FROM conversations WHERE ref = conversation_ref), user_id, sequence_number, at
                        FROM push_alerts WHERE (message_id, device_id) > (?, ?) AND is_sent = 1 ORDER BY message_id, device_id LIMIT ?
                        """), arguments: [key?.messageID.blob ?? Data(), key?.deviceID.blob ?? Data(), sizes.rows])
            return try rows.map { row in
                CopiedAlert(
                    key: AlertKey(messageID: try row.messageID(at: 1), deviceID: try row.id(at: 0)), conversationID: try row.id(at: 2),
                    userID: try row.id(at: 3), sequenceNumber: row[4], sentAt: row.timestamp(at: 5))
            }
        }
    }

    /// What is shown to the next users whose devices show anything, or did.
    public func showings(after user: UserID?) async throws(StoreError) -> [CopiedShowing] {
        try await database.read { db in
            let users = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT user_id FROM push_devices WHERE user_id > ?1 UNION SELECT user_id FROM push_take_backs WHERE user_id > ?1
                        ORDER BY user_id LIMIT ?2
                        """), arguments: [user?.blob ?? Data(), sizes.rows])
            return try users.map { try Self.showing(of: try $0.id(at: 0), db) }
        }
    }

    /// The next who sat at connections, by user and node.
    public func attendances(after key: CopiedAttendance.Key?) async throws(StoreError) -> [CopiedAttendance] {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(
                    sql: """
                        SELECT user_id, node_id, since, seen_until, ifnull(due_at, since) FROM attendances
                        WHERE (user_id, node_id) > (?, ?) ORDER BY user_id, node_id LIMIT ?
                        """), arguments: [key?.userID.blob ?? Data(), key?.node.description ?? "", sizes.rows])
            return try rows.map { row in
                guard let node = NodeID(row[1] as String) else { throw StoreError.unexpected("node_id is not ten hex digits") }
                return CopiedAttendance(
                    key: CopiedAttendance.Key(userID: try row.id(at: 0), node: node), since: row.timestamp(at: 2),
                    seenUntil: (row[3] as Int64?).map(Timestamp.init(milliseconds:)), dueAt: row.timestamp(at: 4))
            }
        }
    }

    private static func showing(of user: UserID, _ db: Database) throws -> CopiedShowing {
        let devices = try Row.fetchAll(
            db.cachedStatement(sql: "SELECT device_id, badge, reads FROM push_devices WHERE user_id = ? ORDER BY device_id"),
            arguments: [user.blob])
        let alerts = try Row.fetchAll(
            db.cachedStatement(
                sql: "SELECT id, device_id, alerts FROM push_shown JOIN conversations ON ref = conversation_ref WHERE user_id = ?"),
            arguments: [user.blob])
        let takeBacks = try Row.fetchAll(
            db.cachedStatement(
                sql: """
                    SELECT id, last_read_sequence, due_at, attempts FROM push_take_backs JOIN conversations ON ref = conversation_ref
                    WHERE user_id = ?
                    """), arguments: [user.blob])
        return CopiedShowing(
            userID: user, devices: try devices.map { .init(id: try $0.id(at: 0), badge: $0[1], reads: $0[2]) },
            alerts: try alerts.map { .init(conversationID: try $0.id(at: 0), deviceID: try $0.id(at: 1), count: $0[2]) },
            takeBacks: try takeBacks.map {
                .init(conversationID: try $0.id(at: 0), lastReadSequence: $0[1], dueAt: $0.timestamp(at: 2), attempts: $0[3])
            })
    }
}
