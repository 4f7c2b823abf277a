public import ParleyModel

/// What a user says of their notifications, not yet checked. What is missing was never said.
public struct NotificationSettingsDraft: Sendable {
    /// Of what others' alerts call the user, in code points.
    public static let nameLength = 100

    let displayName: String?
    let timeZone: String?
    let quietHours: JSONObject?
    let privacy: String?

    public init(_ body: JSONObject) throws(FieldError) {
        displayName = try body.string("display_name")
        timeZone = try body.string("time_zone")
        quietHours = try body.object("quiet_hours")
        privacy = try body.string("privacy")
    }

    /// The settings it describes. Throws the first thing that is wrong.
    /// - Parameter isTimeZone: Whether a text names a time zone.
    public func checked(isTimeZone: (String) -> Bool) throws(ParleyError) -> NotificationSettings {
        if let displayName {
            guard !displayName.isEmpty else { throw .invalid("display_name", "must not be empty; null takes it away") }
            try checkText(displayName, "display_name", length: Self.nameLength)
        }
        let unsaid = NotificationSettings.unsaid
        let zone = timeZone ?? unsaid.timeZone
        guard isTimeZone(zone) else { throw .invalid("time_zone", "must be a name of the IANA time zone database, such as Europe/Berlin") }
        return NotificationSettings(
            displayName: displayName, timeZone: zone, quietHours: try checkedHours(), privacy: try checkedPrivacy())
    }

    private func checkedHours() throws(ParleyError) -> QuietHours? {
        guard let quietHours else { return nil }
        return QuietHours(from: try Self.minutes(quietHours, "from"), to: try Self.minutes(quietHours, "to"))
    }

    private static func minutes(_ hours: JSONObject, _ name: String) throws(ParleyError) -> Int {
        let text: String
        do { text = try hours.requiredString(name) } catch { throw ParleyError(error) }
        guard let minutes = QuietHours.minutes(text) else { throw .invalid(name, "must be a time of day such as 22:00") }
        return minutes
    }

    private func checkedPrivacy() throws(ParleyError) -> PushPrivacy? {
        guard let privacy else { return nil }
        guard let privacy = PushPrivacy(rawValue: privacy) else { throw .invalid("privacy", "must be full, sender or ids") }
        return privacy
    }
}
