import Foundation
import GRDB
import ParleyCore
import ParleyModel

/// The rows of alerts that a device shows, inside a transaction; the schema says what they mean.
enum AlertRows {
    struct Alert {
        let conversationRef: Int64
        let userID: UserID
        let sequenceNumber: Int64?
        let reads: Int64

        init(_ row: Row) throws {
            conversationRef = row[0]
            userID = try row.id(at: 1)
            sequenceNumber = row[2]
            reads = row[3]
        }
    }

    static func isSent(_ key: AlertKey, _ db: Database) throws -> Bool {
        let statement = try db.cachedStatement(sql: "SELECT is_sent FROM push_alerts WHERE device_id = ? AND message_id = ?")
        return try Bool.fetchOne(statement, arguments: [key.deviceID.blob, key.messageID.blob]) ?? false
    }

    /// What was claimed; nil when it was not, or is known to be sent already.
    static func markSent(_ key: AlertKey, at now: Timestamp, _ db: Database) throws -> Alert? {
        let statement = try db.cachedStatement(
            sql: """
                UPDATE push_alerts SET is_sent = 1, at = ? WHERE device_id = ? AND message_id = ? AND is_sent = 0
                RETURNING conversation_ref, user_id, sequence_number, reads
                """)
        return try Row.fetchOne(statement, arguments: [now.milliseconds, key.deviceID.blob, key.messageID.blob]).map(Alert.init)
    }

    // MARK: Devices

    /// A device's `reads`, and with it the row; nil when the user has no such device.
    static func reads(of device: DeviceID, of user: UserID, _ db: Database) throws -> Int64? {
        let find = try db.cachedStatement(sql: "SELECT reads FROM push_devices WHERE user_id = ? AND device_id = ?")
        if let reads = try Int64.fetchOne(find, arguments: [user.blob, device.blob]) { return reads }
        let insert = try db.cachedStatement(
            sql: """
                INSERT INTO push_devices (user_id, device_id, reads)
                SELECT user_id, id, (SELECT ifnull(max(reads), 0) FROM push_devices WHERE user_id = ?1) FROM devices
                WHERE id = ?2 AND user_id = ?1
                RETURNING reads
                """)
        return try Int64.fetchOne(insert, arguments: [user.blob, device.blob])
    }

    static func reads(of user: UserID, _ db: Database) throws -> Int64 {
        let statement = try db.cachedStatement(sql: "SELECT ifnull(max(reads), 0) FROM push_devices WHERE user_id = ?")
        return try Int64.fetchOne(statement, arguments: [user.blob]) ?? 0
    }

    /// Notes the number that a device shows, and tells its `reads`; does nothing for one that the user does not have.
    @discardableResult
    static func setBadge(_ badge: Int64, of device: DeviceID, of user: UserID, _ db: Database) throws -> Int64? {
        let update = try db.cachedStatement(
            sql: "UPDATE push_devices SET badge = ? WHERE user_id = ? AND device_id = ? RETURNING reads")
        if let reads = try Int64.fetchOne(update, arguments: [badge, user.blob, device.blob]) { return reads }
        // One that was never told anything shows 0.
        guard badge != 0, try reads(of: device, of: user, db) != nil else { return nil }
        return try Int64.fetchOne(update, arguments: [badge, user.blob, device.blob])
    }

    static func forget(_ device: DeviceID, of user: UserID, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM push_devices WHERE user_id = ? AND device_id = ?", arguments: [user.blob, device.blob])
        try forgetAlerts(on: device, of: user, db)
    }

    /// The number that the device shows goes with it.
    static func move(_ device: DeviceID, from old: UserID, to new: UserID, _ db: Database) throws {
        guard old != new else { return }
        try forgetAlerts(on: device, of: old, db)
        try db.execute(
            sql: """
                UPDATE push_devices SET user_id = ?1, reads = (SELECT ifnull(max(reads), 0) FROM push_devices WHERE user_id = ?1)
                WHERE user_id = ?2 AND device_id = ?3
                """, arguments: [new.blob, old.blob, device.blob])
    }

    private static func forgetAlerts(on device: DeviceID, of user: UserID, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM push_alerts WHERE device_id = ?", arguments: [device.blob])
        try db.execute(sql: "DELETE FROM push_shown WHERE user_id = ? AND device_id = ?", arguments: [user.blob, device.blob])
    }
}
