import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// What users have chosen for their notifications, in SQLite.
public struct SQLiteNotificationSettingsStore: NotificationSettingsStore {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    /// What ``settings(_:from:)`` reads.
    static let columns = "display_name, time_zone, quiet_from, quiet_to, privacy"

    public func notificationSettings(of users: [UserID]) async throws(StoreError) -> [UserID: NotificationSettings] {
        try await database.read { db in
            let statement = try db.cachedStatement(sql: "SELECT \(Self.columns) FROM notification_settings WHERE user_id = ?")
            var found: [UserID: NotificationSettings] = [:]
            for user in Set(users) {
                found[user] = try Row.fetchOne(statement, arguments: [user.blob]).map { try Self.settings($0, from: 0) }
            }
            return found
        }
    }

    static func settings(_ row: Row, from column: Int) throws -> NotificationSettings {
        var hours: QuietHours?
        if let from = row[column + 2] as Int?, let to = row[column + 3] as Int? { hours = QuietHours(from: from, to: to) }
        let privacy = try (row[column + 4] as String?).map { word in
            guard let privacy = PushPrivacy(rawValue: word) else { throw DamagedRow(column: "privacy") }
            return privacy
        }
        return NotificationSettings(displayName: row[column], timeZone: row[column + 1], quietHours: hours, privacy: privacy)
    }

    public func setNotificationSettings(_ settings: NotificationSettings, of user: UserID) async throws(StoreError) {
        try await database.write { db in
            try db.execute(
                sql: "INSERT OR REPLACE INTO notification_settings (user_id, \(Self.columns)) VALUES (?, ?, ?, ?, ?, ?)",
                arguments: [
                    user.blob, settings.displayName, settings.timeZone, settings.quietHours?.from, settings.quietHours?.to,
                    settings.privacy?.rawValue,
                ])
        }
    }
}
