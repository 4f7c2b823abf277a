import ParleyModel

/// The header field `Retry-After` (RFC 9110, section 10.2.3).
enum RetryAfter {
    /// Seconds from `now` on; nil for a field that is neither whole seconds nor a date in the form that servers must send
    /// (`Sun, 06 Nov 1994 08:49:37 GMT`). A moment that has passed is 0.
    static func seconds(_ field: String?, at now: Timestamp) -> Double? {
        guard let field else { return nil }
        if !field.isEmpty, field.utf8.count <= 9, let seconds = UInt32(field) { return Double(seconds) }
        return date(field).map { max(0, $0.seconds(since: now)) }
    }

    private static let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

    static func date(_ field: String) -> Timestamp? {
        let parts = field.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0].last == ",", parts[5] == "GMT", let month = months.firstIndex(of: String(parts[2])) else {
            return nil
        }
        let number = month < 9 ? "0\(month + 1)" : "\(month + 1)"
        return Timestamp("\(parts[3])-\(number)-\(parts[1])T\(parts[4])Z")
    }
}
