import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Push devices in SQLite.
public struct SQLiteDeviceStore: DeviceStore {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    public func register(_ device: Device, maxPerUser: Int) async throws(StoreError) -> DeviceRegistration {
        try await database.write { db in
            let known = try Row.fetchOne(
                db, sql: "SELECT \(Self.columns) FROM devices WHERE kind = ? AND address_key = ?",
                arguments: [device.address.kind.rawValue, device.address.key]
            ).map(Self.device)
            if known?.userID != device.userID {
                let count =
                    try Int.fetchOne(db, sql: "SELECT count(*) FROM devices WHERE user_id = ?", arguments: [device.userID.blob]) ?? 0
                if count >= maxPerUser { return .tooMany }
            }
            guard let known else {
                try Self.insert(device, db)
                return .added(device)
            }
            let moved = known.registeredAgain(by: device)
            try Self.replace(moved, db)
            try AlertRows.move(moved.id, from: known.userID, to: moved.userID, db)
            return .moved(moved)
        }
    }

    private static func insert(_ device: Device, _ db: Database) throws {
        try db.execute(
            sql: """
                INSERT INTO devices (\(columns)) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
            arguments: [
                device.id.blob, device.userID.blob, device.address.kind.rawValue, device.address.key, device.address.subscription?.p256dh,
                device.address.subscription?.auth, device.name, device.createdAt.milliseconds, device.registeredAt.milliseconds,
            ])
    }

    private static func replace(_ device: Device, _ db: Database) throws {
        try db.execute(
            sql: "UPDATE devices SET user_id = ?, p256dh = ?, auth = ?, name = ?, registered_at = ? WHERE id = ?",
            arguments: [
                device.userID.blob, device.address.subscription?.p256dh, device.address.subscription?.auth, device.name,
                device.registeredAt.milliseconds, device.id.blob,
            ])
    }

    /// What ``device(_:)`` reads.
    static let columns = "id, user_id, kind, address_key, p256dh, auth, name, created_at, registered_at"
    private static let select = "SELECT \(columns) FROM devices WHERE user_id = ? ORDER BY created_at, number"

    static func device(_ row: Row) throws -> Device {
        let address: PushAddress
        switch DeviceKind(rawValue: row[2]) {
        case .apns: address = .apns(token: row[3])
        case .fcm: address = .fcm(token: row[3])
        case .webpush: address = .webPush(WebPushSubscription(endpoint: row[3], p256dh: row[4], auth: row[5]))
        case nil: throw DamagedRow(column: "kind")
        }
        return Device(
            id: try row.id(at: 0), userID: try row.id(at: 1), address: address, name: row[6], createdAt: row.timestamp(at: 7),
            registeredAt: row.timestamp(at: 8))
    }

    public func devices(of user: UserID) async throws(StoreError) -> [Device] {
        try await database.read { db in
            try Row.fetchAll(db, sql: Self.select, arguments: [user.blob]).map(Self.device)
        }
    }

    public func devices(of users: [UserID]) async throws(StoreError) -> [UserID: [Device]] {
        try await database.read { db in
            let statement = try db.cachedStatement(sql: Self.select)
            var found: [UserID: [Device]] = [:]
            for user in Set(users) {
                let devices = try Row.fetchAll(statement, arguments: [user.blob]).map(Self.device)
                if !devices.isEmpty { found[user] = devices }
            }
            return found
        }
    }

    public func remove(_ id: DeviceID, of user: UserID) async throws(StoreError) -> Bool {
        try await remove(id, of: user, ifRegisteredBefore: Timestamp(milliseconds: .max))
    }

    public func remove(_ id: DeviceID, of user: UserID, ifRegisteredBefore moment: Timestamp) async throws(StoreError) -> Bool {
        try await database.write { db in
            try db.execute(
                sql: "DELETE FROM devices WHERE id = ? AND user_id = ? AND registered_at <= ?",
                arguments: [id.blob, user.blob, moment.milliseconds])
            guard db.changesCount == 1 else { return false }
            try AlertRows.forget(id, of: user, db)
            return true
        }
    }
}
