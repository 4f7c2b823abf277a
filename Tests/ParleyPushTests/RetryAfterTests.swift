import ParleyModel
import ParleyPush
import Testing

struct RetryAfterTests {
    /// 2027-01-15T08:00:00Z, a Friday.
    private let now = Timestamp(milliseconds: 1_800_000_000_000)

    @Test(
        arguments: [
            ("0", 0), ("120", 120), ("Fri, 15 Jan 2027 08:02:00 GMT", 120), ("Friday, 15-Jan-27 08:02:00 GMT", 120),
            ("Fri Jan 15 08:02:00 2027", 120), ("Fri Feb  5 08:00:00 2027", 21 * 86_400), ("Fri, 15 Jan 2027 07:00:00 GMT", 0),
            (nil, nil), ("", nil), ("soon", nil), ("-1", nil), ("1.5", nil), ("99999999999999999999", nil),
            ("Fri, 32 Jan 2027 08:02:00 GMT", nil),
            ("Fri, 15 Jan 2027 08:02:00 CET", nil), ("Fri, 15 Foo 2027 08:02:00 GMT", nil), ("+5", nil),
            ("Wed, 01 Dec 2027 08:00:00 GMT", 27_648_000),
        ] as [(String?, Double?)])
    func `seconds, and the three forms of a date`(field: String?, seconds: Double?) {
        #expect(RetryAfter.seconds(field, at: now) == seconds)
    }
}
