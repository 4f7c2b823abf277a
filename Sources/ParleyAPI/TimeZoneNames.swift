import Foundation

/// The names of the IANA time zone database, as Foundation knows them.
public enum TimeZoneNames {
    private static let longest = 64

    /// Foundation's list has one name for each zone, and GMT where others say UTC; browsers tell other ones, such as Asia/Kolkata.
    public static func areKnown(_ name: String) -> Bool {
        guard name.utf8.count <= longest, name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return false }
        return name == "UTC" || name.contains("/") && TimeZone(identifier: name) != nil
            || TimeZone.knownTimeZoneIdentifiers.contains(name)
    }
}
