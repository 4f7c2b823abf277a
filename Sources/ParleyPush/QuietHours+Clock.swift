import Foundation
import ParleyModel

extension NotificationSettings {
    /// Whether the user's quiet hours hold now. A time zone that this machine does not know counts as UTC.
    func areQuietHours(at now: Timestamp) -> Bool {
        guard let quietHours else { return false }
        return quietHours.hold(at: now, in: TimeZone(identifier: timeZone) ?? .gmt)
    }
}

extension QuietHours {
    /// Goes by what the user's clock shows. So an hour that a change of the clock skips is not quiet, and one that it repeats
    /// is quiet twice.
    func hold(at now: Timestamp, in timeZone: TimeZone) -> Bool {
        let seconds = (Double(now.milliseconds) / 1000).rounded(.down)
        let shown = Int(seconds) + timeZone.secondsFromGMT(for: Date(timeIntervalSince1970: seconds))
        let minute = (shown % 86_400 + 86_400) % 86_400 / 60
        return from < to ? (from..<to).contains(minute) : minute >= from || minute < to
    }
}
