import ParleyModel
import Testing

@testable import ParleyWebPush

struct RetryAfterTests {
    /// 2027-01-15T08:00:00Z, a Friday.
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    @Test(
        arguments: [
            ("0", 0), ("120", 120), ("Fri, 15 Jan 2027 08:02:00 GMT", 120), ("Friday, 15-Jan-27 08:02:00 GMT", 120),
            ("Fri Jan 15 08:02:00 2027", 120), ("Fri Feb  5 08:00:00 2027", 21 * 86_400), ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
            ("", nil), ("soon", nil), ("-1", nil), ("1.5", nil), ("99999999999999999999", nil), ("Fri, 32 Jan 2027 08:02:00 GMT", nil),
            ("Fri, 15 Jan 2027 08:02:00 CET", nil), ("Fri, 15 Foo 2027 08:02:00 GMT", nil),
        ] as [(String, Double?)])
    func `seconds, and the three forms of a date`(text: String, seconds: Double?) {
        #expect(RetryAfter.seconds(text, at: now) == seconds)
    }
}
