/// Which messages of a conversation a participant is alerted of.
public enum NotificationLevel: String, Sendable, CaseIterable {
    case all
    /// Only those that mention the participant.
    case mentions
    case none
}

/// What push services, and so the companies that run them, are told of a message.
public enum PushPrivacy: String, Sendable, CaseIterable {
    /// Sender and preview.
    case full
    /// Who writes, not what.
    case sender
    /// Nothing but ids: the app fetches the message itself.
    case ids
}

/// A part of each day, in the user's time zone, in which no alerts are sent.
public struct QuietHours: Sendable, Equatable {
    /// Minutes since midnight, 0 to 1439. The part begins with `from` and ends before `to`, on the next day when `to` is the
    /// smaller one; equal ones are the whole day.
    public let from: Int
    public let to: Int

    public init(from: Int, to: Int) {
        self.from = from
        self.to = to
    }
}

/// What a user has chosen for notifications of all their conversations.
public struct NotificationSettings: Sendable, Equatable {
    /// What alerts to others call the user. Nil when it was never said.
    public let displayName: String?
    /// A name of the IANA time zone database, `Europe/Berlin`. UTC when it was never said.
    public let timeZone: String
    public let quietHours: QuietHours?
    /// Nil when the deployment's own holds. The stricter of both does.
    public let privacy: PushPrivacy?

    public static let unsaid = NotificationSettings(displayName: nil, timeZone: "UTC", quietHours: nil, privacy: nil)

    public init(displayName: String?, timeZone: String, quietHours: QuietHours?, privacy: PushPrivacy?) {
        self.displayName = displayName
        self.timeZone = timeZone
        self.quietHours = quietHours
        self.privacy = privacy
    }
}
