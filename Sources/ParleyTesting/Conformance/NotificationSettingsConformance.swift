public import ParleyCore
import ParleyModel

/// What ``ParleyCore/NotificationSettingsStore`` promises.
public enum NotificationSettingsConformance {
    public static let cases: [ConformanceCase<any NotificationSettingsStore>] = [
        ConformanceCase("who said nothing has no settings") { store in
            try await store.setNotificationSettings(.unsaid, of: .random())
            try checkEqual(try await store.notificationSettings(of: Sample.users(3)), [:], "the settings")
            try checkEqual(try await store.notificationSettings(of: []), [:], "those of nobody")
        },
        ConformanceCase("every part comes back, and the next ones replace them all") { store in
            let user = Sample.users(1)[0]
            let all = [
                NotificationSettings(
                    displayName: "Ann 👩‍👩‍👧 'x'", timeZone: "Europe/Berlin", quietHours: QuietHours(from: 1320, to: 420), privacy: .ids),
                NotificationSettings(displayName: nil, timeZone: "UTC", quietHours: QuietHours(from: 0, to: 0), privacy: .full),
                NotificationSettings(
                    displayName: "", timeZone: "Asia/Kolkata", quietHours: QuietHours(from: 0, to: 1439), privacy: .sender),
                .unsaid,
            ]
            for settings in all {
                try await store.setNotificationSettings(settings, of: user)
                try checkEqual(try await store.notificationSettings(of: [user]), [user: settings], "the settings")
            }
        },
        ConformanceCase("the settings of many users are those of each who has any") { store in
            let users = Sample.users(600)
            var expected: [UserID: NotificationSettings] = [:]
            for place in [3, 77, 599] {
                expected[users[place]] = NotificationSettings(displayName: "\(place)", timeZone: "UTC", quietHours: nil, privacy: nil)
                try await store.setNotificationSettings(expected[users[place]]!, of: users[place])
            }
            try checkEqual(try await store.notificationSettings(of: users + users), expected, "the settings")
        },
    ]
}
