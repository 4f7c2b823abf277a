public import ParleyModel

/// Remembers what users have chosen for their notifications.
public protocol NotificationSettingsStore: Sendable {
    /// The settings of those of `users` who have said anything.
    func notificationSettings(of users: [UserID]) async throws(StoreError) -> [UserID: NotificationSettings]

    /// Replaces all that the user said before.
    func setNotificationSettings(_ settings: NotificationSettings, of user: UserID) async throws(StoreError)
}
