import Foundation
import GRDB
import ParleyCore
import ParleyModel

/// The rows of alerts that a device shows, inside a transaction; the schema says what they mean.
enum AlertRows {
    /// What a claim depends on.
    struct Place {
        /// Of the device.
        let reads: Int64
        /// Whether the user's alert on it was sent, or when its last claim ends; nil when it was never claimed.
        let known: (isSent: Bool, at: Timestamp)?

        init(_ row: Row) {
            reads = row[0]
            known = (row[1] as Bool?).map { (isSent: $0, at: row.timestamp(at: 2)) }
        }
    }

    /// Nil when the user has no such device. An alert to whoever had the device before is none of this user's.
    static func place(of key: AlertKey, _ user: UserID, _ db: Database) throws -> Place? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT d.reads, a.is_sent, a.at FROM push_devices AS d
                LEFT JOIN push_alerts AS a ON a.message_id = ?3 AND a.device_id = d.device_id AND a.user_id = d.user_id
                WHERE d.user_id = ?1 AND d.device_id = ?2
                """)
        func find() throws -> Place? {
            try Row.fetchOne(statement, arguments: [user.blob, key.deviceID.blob, key.messageID.blob]).map(Place.init)
        }
        if let place = try find() { return place }
        return try reads(of: key.deviceID, of: user, db) == nil ? nil : find()
    }

    /// What an outcome meets: an alert that is not known to be sent, and what holds for its device and its reader.
    struct Open {
        let conversationRef: Int64
        let userID: UserID
        let isDoubtful: Bool
        /// Whether its user has read anything since the claim.
        let hasRead: Bool
        /// The number that the device was told last.
        let badge: Int64
        /// How many alerts of the conversation the device may show.
        let shown: Int?
        /// Whether the user has read it, or is not in the conversation any more.
        let isPast: Bool

        init(_ row: Row) throws {
            conversationRef = row[0]
            userID = try row.id(at: 1)
            isDoubtful = row[3]
            hasRead = row[4]
            badge = row[5]
            shown = row[6]
            // A message without a number counts until something is read.
            let (sequence, marker): (Int64?, Int64?) = (row[2], row[7])
            isPast = marker.map { $0 >= sequence ?? .max } ?? true
        }
    }

    /// Nil also when its user does not have the device any more: then nothing follows from what became of it.
    static func open(_ key: AlertKey, _ db: Database) throws -> Open? {
        let statement = try db.cachedStatement(
            sql: """
                SELECT a.conversation_ref, a.user_id, a.sequence_number, a.is_doubtful, d.reads <> a.reads, d.badge, s.alerts,
                    p.last_read_sequence
                FROM push_alerts AS a JOIN push_devices AS d ON d.user_id = a.user_id AND d.device_id = a.device_id
                LEFT JOIN push_shown AS s
                    ON s.user_id = a.user_id AND s.conversation_ref = a.conversation_ref AND s.device_id = a.device_id
                LEFT JOIN participants AS p ON p.conversation_ref = a.conversation_ref AND p.user_id = a.user_id
                WHERE a.message_id = ? AND a.device_id = ? AND a.is_sent = 0
                """)
        return try Row.fetchOne(statement, arguments: [key.messageID.blob, key.deviceID.blob]).map(Open.init)
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

    /// One more, or at least one; how many there are then.
    static func show(_ change: ShownChange, _ ref: Int64, on device: DeviceID, of user: UserID, _ db: Database) throws -> Int {
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO push_shown (user_id, conversation_ref, device_id, alerts) VALUES (?, ?, ?, 1)
                ON CONFLICT (user_id, conversation_ref, device_id) DO UPDATE SET alerts = alerts + \(change.rawValue) RETURNING alerts
                """)
        guard let count = try Int.fetchOne(statement, arguments: [user.blob, ref, device.blob]) else {
            throw DatabaseError(message: "what is shown was not counted")
        }
        return count
    }

    enum ShownChange: Int {
        case oneMore = 1
        case atLeastOne = 0
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

    /// The alerts themselves stay until they are old: without the user's row here they count for nothing.
    static func forget(_ device: DeviceID, of user: UserID, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM push_devices WHERE user_id = ? AND device_id = ?", arguments: [user.blob, device.blob])
        try forgetShown(on: device, of: user, db)
    }

    /// The number that the device shows goes with it.
    static func move(_ device: DeviceID, from old: UserID, to new: UserID, _ db: Database) throws {
        guard old != new else { return }
        try forgetShown(on: device, of: old, db)
        try db.execute(
            sql: """
                UPDATE push_devices SET user_id = ?1, reads = (SELECT ifnull(max(reads), 0) FROM push_devices WHERE user_id = ?1)
                WHERE user_id = ?2 AND device_id = ?3
                """, arguments: [new.blob, old.blob, device.blob])
    }

    private static func forgetShown(on device: DeviceID, of user: UserID, _ db: Database) throws {
        try db.execute(sql: "DELETE FROM push_shown WHERE user_id = ? AND device_id = ?", arguments: [user.blob, device.blob])
    }
}
