public import ParleyModel

/// The field `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date in one of three forms.
public enum RetryAfter {
    /// Seconds from `now` on; a moment that has passed is 0. Nil without a field, and for what cannot be read.
    public static func seconds(_ field: String?, at now: Timestamp) -> Double? {
        guard let text = field else { return nil }
        if !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return Double(text)
        }
        return date(text).map { max(0, $0.seconds(since: now)) }
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    private static func date(_ text: String) -> Timestamp? {
        let parts = text.split { $0 == " " || $0 == "," || $0 == "-" }.map(String.init)
        switch parts.count {
        // Sun, 06 Nov 1994 08:49:37 GMT
        case 6 where parts[5] == "GMT" && parts[3].count == 4: return timestamp(parts[3], parts[2], parts[1], parts[4])
        // Sunday, 06-Nov-94 08:49:37 GMT
        case 6 where parts[5] == "GMT" && parts[3].count == 2: return timestamp("20" + parts[3], parts[2], parts[1], parts[4])
        // Sun Nov  6 08:49:37 1994
        case 5: return timestamp(parts[4], parts[1], parts[2], parts[3])
        default: return nil
        }
    }

    private static func timestamp(_ year: String, _ month: String, _ day: String, _ time: String) -> Timestamp? {
        guard let place = months.firstIndex(of: month) else { return nil }
        func padded(_ text: String) -> String { text.count == 1 ? "0" + text : text }
        return Timestamp("\(year)-\(padded(String(place + 1)))-\(padded(day))T\(time)Z")
    }
}
