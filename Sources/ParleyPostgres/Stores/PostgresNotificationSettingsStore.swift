public import ParleyCore
public import ParleyModel

/// What users have chosen for their notifications, in PostgreSQL.
public struct PostgresNotificationSettingsStore: NotificationSettingsStore {
    private let database: PostgresDatabase

    /// Over a database that is migrated.
    public init(_ database: PostgresDatabase) {
        self.database = database
    }

    private static let find = PostgresStatement(
        "settings.find",
        """
        SELECT user_id, display_name, time_zone, quiet_from::int8, quiet_to::int8, privacy FROM notification_settings
        WHERE user_id = ANY ($1)
        """)

    public func notificationSettings(of users: [UserID]) async throws(StoreError) -> [UserID: NotificationSettings] {
        guard !users.isEmpty else { return [:] }
        let found = try await database.run { connection throws(PostgresFailure) in
            try connection.read(Self.find(.ids(users))).map { row throws(PostgresFailure) in
                (try row.id(0, as: UserID.self), try Self.settings(row))
            }
        }
        return Dictionary(found) { first, _ in first }
    }

    private static func settings(_ row: PostgresRow) throws(PostgresFailure) -> NotificationSettings {
        var hours: QuietHours?
        if let from = try row.optionalInt64(3), let to = try row.optionalInt64(4) { hours = QuietHours(from: Int(from), to: Int(to)) }
        let word = try row.optionalText(5)
        let privacy = word.flatMap(PushPrivacy.init(rawValue:))
        guard (word == nil) == (privacy == nil) else { throw .damaged("an unknown level of privacy") }
        return NotificationSettings(
            displayName: try row.optionalText(1), timeZone: try row.text(2), quietHours: hours, privacy: privacy)
    }

    private static let set = PostgresStatement(
        "settings.set",
        """
        INSERT INTO notification_settings (user_id, display_name, time_zone, quiet_from, quiet_to, privacy)
        VALUES ($1, $2, $3, $4::int8::int, $5::int8::int, $6)
        ON CONFLICT (user_id) DO UPDATE SET
            display_name = excluded.display_name, time_zone = excluded.time_zone, quiet_from = excluded.quiet_from,
            quiet_to = excluded.quiet_to, privacy = excluded.privacy
        """)

    public func setNotificationSettings(_ settings: NotificationSettings, of user: UserID) async throws(StoreError) {
        let call = Self.set(
            .id(user), .text(settings.displayName), .text(settings.timeZone), .int64(settings.quietHours.map { Int64($0.from) }),
            .int64(settings.quietHours.map { Int64($0.to) }), .text(settings.privacy?.rawValue))
        _ = try await database.run { connection throws(PostgresFailure) in try connection.write(call).changed }
    }
}
