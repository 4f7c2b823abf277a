/// Which messages of a conversation a participant is alerted of.
public enum NotificationLevel: String, JSONEncodable, CaseIterable {
    case all
    /// Only those that mention the participant.
    case mentions
    case none

    /// As answered by its route.
    public func write(to json: inout JSONWriter) {
        json.object { json in writeMember(to: &json) }
    }

    func writeMember(to json: inout JSONWriter) {
        json.name("notification_level")
        json.string(rawValue)
    }
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

    fileprivate func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("from")
            json.string(Self.text(from))
            json.name("to")
            json.string(Self.text(to))
        }
    }

    /// `22:00`
    private static func text(_ minutes: Int) -> String {
        func digits(_ number: Int) -> String { (number < 10 ? "0" : "") + "\(number)" }
        return digits(minutes / 60) + ":" + digits(minutes % 60)
    }

    /// Reads `22:00`: two digits each, at most `23:59`. Nil for anything else.
    public static func minutes(_ text: String) -> Int? {
        let digits = Array(text.utf8).map { Int($0) - 48 }
        guard digits.count == 5, digits[2] == 10, (digits[..<2] + digits[3...]).allSatisfy((0...9).contains) else { return nil }
        let (hours, minutes) = (digits[0] * 10 + digits[1], digits[3] * 10 + digits[4])
        return hours < 24 && minutes < 60 ? hours * 60 + minutes : nil
    }
}

/// What a user has chosen for notifications of all their conversations.
public struct NotificationSettings: JSONEncodable, Equatable {
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

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("display_name")
            json.optional(displayName) { $0.string($1) }
            json.name("time_zone")
            json.string(timeZone)
            json.name("quiet_hours")
            json.optional(quietHours) { $1.write(to: &$0) }
            json.name("privacy")
            json.optional(privacy) { $0.string($1.rawValue) }
        }
    }
}
