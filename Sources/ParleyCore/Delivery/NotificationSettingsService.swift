public import ParleyModel

/// What users have chosen for their notifications: each for themselves, and the team's own backend for anybody.
public struct NotificationSettingsService: Sendable {
    let store: any NotificationSettingsStore
    let isTimeZone: @Sendable (String) -> Bool

    /// - Parameter isTimeZone: Whether a text names a time zone.
    public init(store: any NotificationSettingsStore, isTimeZone: @escaping @Sendable (String) -> Bool) {
        self.store = store
        self.isTimeZone = isTimeZone
    }

    public func settings(of user: UserID, as caller: Caller) async throws(ParleyError) -> NotificationSettings {
        try Self.check(caller, for: user)
        do { return try await store.notificationSettings(of: [user])[user] ?? .unsaid } catch { throw ParleyError(error) }
    }

    /// Replaces all that was said before, and tells what holds now.
    public func set(_ draft: NotificationSettingsDraft, of user: UserID, as caller: Caller) async throws(ParleyError)
        -> NotificationSettings
    {
        try Self.check(caller, for: user)
        let settings = try draft.checked(isTimeZone: isTimeZone)
        do { try await store.setNotificationSettings(settings, of: user) } catch { throw ParleyError(error) }
        return settings
    }

    private static func check(_ caller: Caller, for user: UserID) throws(ParleyError) {
        guard caller.isService || caller.userID == user else {
            throw ParleyError(.serviceTokenRequired, "only a service token may see or set another user's notifications")
        }
    }
}
