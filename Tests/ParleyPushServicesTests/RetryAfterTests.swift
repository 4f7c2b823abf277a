import ParleyTesting
import Testing

@testable import ParleyPushServices

struct RetryAfterTests {
    static let fields: [(field: String?, seconds: Double?)] = [
        (nil, nil), ("", nil), ("0", 0), ("120", 120), ("-1", nil), ("1.5", nil), ("soon", nil), ("99999999999999999999", nil),
        ("Thu, 01 Jan 2026 00:01:00 GMT", 60), ("Wed, 31 Dec 2025 23:59:00 GMT", 0), ("Thu, 01 Jan 2026 00:01:00 CET", nil),
        ("Thu, 32 Jan 2026 00:01:00 GMT", nil), ("Thu, 01 Foo 2026 00:01:00 GMT", nil), ("Thu, 01 Dec 2026 00:00:00 GMT", 28_857_600),
    ]

    @Test(arguments: fields)
    func `seconds and dates are read, and nothing else`(field: String?, seconds: Double?) {
        #expect(RetryAfter.seconds(field, at: Sample.start) == seconds)
    }
}
