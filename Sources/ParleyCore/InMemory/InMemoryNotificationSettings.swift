public import ParleyModel

public actor InMemoryNotificationSettings: NotificationSettingsStore {
    private var settings: [UserID: NotificationSettings] = [:]

    public init() {}

    public func notificationSettings(of users: [UserID]) -> [UserID: NotificationSettings] {
        settings.filter { users.contains($0.key) }
    }

    public func setNotificationSettings(_ settings: NotificationSettings, of user: UserID) {
        self.settings[user] = settings
    }
}
