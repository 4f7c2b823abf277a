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
        let isSent: Bool
        let at: Timestamp
        let reads: Int64
        let isDoubtful: Bool

        init(_ row: Row) throws {
            conversationRef = row[0]
            userID = try row.id(at: 1)
            sequenceNumber = row[2]
            isSent = row[3]
            at = row.timestamp(at: 4)
            reads = row[5]
            isDoubtful = row[6]
        }
    }

    static func alert(_ key: AlertKey, _ db: Database) throws -> Alert? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT conversation_ref, user_id, sequence_number, is_sent, at, reads, is_doubtful FROM push_alerts
                WHERE device_id = ? AND message_id = ?
                """)
        return try Row.fetchOne(statement, arguments: [key.deviceID.blob, key.messageID.blob]).map(Alert.init)
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

    /// Notes the number that a device shows; does nothing for one that the user does not have.
    static func setBadge(_ badge: Int64, of device: DeviceID, of user: UserID, _ db: Database) throws {
        let update = try db.cachedStatement(sql: "UPDATE push_devices SET badge = ? WHERE user_id = ? AND device_id = ?")
        try update.execute(arguments: [badge, user.blob, device.blob])
        // One that was never told anything shows 0.
        guard db.changesCount == 0, badge != 0, try reads(of: device, of: user, db) != nil else { return }
        try update.execute(arguments: [badge, user.blob, device.blob])
    }

    // MARK: What a device may show

    static func shown(_ ref: Int64, on device: DeviceID, of user: UserID, _ db: Database) throws -> Int {
        let statement = try db.cachedStatement(
            sql: "SELECT alerts FROM push_shown WHERE user_id = ? AND conversation_ref = ? AND device_id = ?")
        return try Int.fetchOne(statement, arguments: [user.blob, ref, device.blob]) ?? 0
    }

    static func setShown(_ count: Int, _ ref: Int64, on device: DeviceID, of user: UserID, _ db: Database) throws {
        guard count > 0 else {
            try db.cachedStatement(sql: "DELETE FROM push_shown WHERE user_id = ? AND conversation_ref = ? AND device_id = ?")
                .execute(arguments: [user.blob, ref, device.blob])
            return
        }
        try db.cachedStatement(sql: "INSERT OR REPLACE INTO push_shown (user_id, conversation_ref, device_id, alerts) VALUES (?, ?, ?, ?)")
            .execute(arguments: [user.blob, ref, device.blob, count])
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
