/// How much of a store is copied at once: read, written and noted together.
public struct CopySizes: Sendable {
    public var messages = 4000
    public var conversations = 500
    /// Participants of the conversations on a page, unless one conversation alone has more.
    public var participants = 5000
    /// Media, devices, revocations, settings, alerts, and users with departures or something shown.
    public var rows = 2000
    public var pushJobs = 500

    public init() {}
}
