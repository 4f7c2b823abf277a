import ParleyModel
import ParleyTesting
import Testing

struct TimestampTests {
    static let known: [(String, Int64)] = [
        ("1970-01-01T00:00:00.000Z", 0), ("1970-01-01T00:00:00.001Z", 1), ("1969-12-31T23:59:59.999Z", -1),
        ("1969-12-31T00:00:00.000Z", -86_400_000),
        ("1900-01-01T00:00:00.000Z", -2_208_988_800_000), ("0001-01-01T00:00:00.000Z", -62_135_596_800_000),
        ("0000-01-01T00:00:00.000Z", -62_167_219_200_000), ("2000-02-29T12:34:56.789Z", 951_827_696_789),
        ("2000-03-01T00:00:00.000Z", 951_868_800_000), ("2001-09-09T01:46:40.000Z", 1_000_000_000_000),
        ("2024-02-29T23:59:59.999Z", 1_709_251_199_999), ("2026-01-01T00:00:00.000Z", 1_767_225_600_000),
        ("2038-01-19T03:14:08.000Z", 2_147_483_648_000), ("2100-02-28T00:00:00.000Z", 4_107_456_000_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
    ]

    @Test(arguments: known)
    func `known moments are read and written`(text: String, milliseconds: Int64) {
        #expect(Timestamp(text) == Timestamp(milliseconds: milliseconds))
        #expect(Timestamp(milliseconds: milliseconds).description == text)
    }

    static let otherForms: [(String, String)] = [
        ("2026-01-31T09:30:00Z", "2026-01-31T09:30:00.000Z"), ("2026-01-31t09:30:00z", "2026-01-31T09:30:00.000Z"),
        ("2026-01-31 09:30:00Z", "2026-01-31T09:30:00.000Z"), ("2026-01-31T09:30:00.5Z", "2026-01-31T09:30:00.500Z"),
        ("2026-01-31T09:30:00.05Z", "2026-01-31T09:30:00.050Z"), ("2026-01-31T09:30:00.1239999Z", "2026-01-31T09:30:00.123Z"),
        ("2026-01-31T09:30:00+01:00", "2026-01-31T08:30:00.000Z"), ("2026-01-31T09:30:00-05:30", "2026-01-31T15:00:00.000Z"),
        ("2026-01-01T00:30:00+01:00", "2025-12-31T23:30:00.000Z"), ("2024-02-29T23:30:00-01:00", "2024-03-01T00:30:00.000Z"),
        ("2026-01-31T09:30:00+00:00", "2026-01-31T09:30:00.000Z"), ("2026-01-31T09:30:00-00:00", "2026-01-31T09:30:00.000Z"),
        ("2026-01-31T09:30:00+23:59", "2026-01-30T09:31:00.000Z"), ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.000Z"),
        ("1969-12-31T19:00:00.250-05:00", "1970-01-01T00:00:00.250Z"),
        ("2026-01-31T09:30:00.00000000000000000000000001Z", "2026-01-31T09:30:00.000Z"),
    ]

    @Test(arguments: otherForms)
    func `other forms of RFC 3339 mean the same moment`(text: String, written: String) {
        #expect(Timestamp(text)?.description == written)
    }

    @Test(arguments: [
        "", "2026", "2026-01-31", "2026-01-31T09:30Z", "2026-01-31T09:30:00", "2026-01-31T09:30:00.Z", "2026-01-31T09:30:00,5Z",
        "2026-1-31T09:30:00Z",
        "26-01-31T09:30:00Z", "+2026-01-31T09:30:00Z", "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-04-31T00:00:00Z", "2026-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-01-31T24:00:00Z",
        "2026-01-31T09:60:00Z",
        "2026-01-31T09:30:61Z", "2026-01-31T09:30:00+0100", "2026-01-31T09:30:00+1:00", "2026-01-31T09:30:00+24:00",
        "2026-01-31T09:30:00+01:60",
        "2026-01-31T09:30:00ZZ", "2026-01-31T09:30:00Z ", " 2026-01-31T09:30:00Z", "2026-01-31_09:30:00Z", "2026/01/31T09:30:00Z",
        "20260131T093000Z",
        "２026-01-31T09:30:00Z", "1767225600", "2026-W05-6T09:30:00Z", "-026-01-31T09:30:00Z",
    ])
    func `anything else is refused`(text: String) {
        #expect(Timestamp(text) == nil)
    }

    @Test(arguments: [
        (1900, false), (1996, true), (2000, true), (2023, false), (2024, true), (2100, false), (2400, true), (0, true), (4, true),
    ])
    func `leap years have a 29 February`(year: Int, isLeap: Bool) throws {
        let name = String(String(10_000 + year).dropFirst())
        #expect((Timestamp("\(name)-02-29T00:00:00Z") != nil) == isLeap)
        let (before, after) = (
            try #require(Timestamp("\(name)-02-28T00:00:00Z")), try #require(Timestamp("\(name)-03-01T00:00:00Z"))
        )
        #expect(after.seconds(since: before) == (isLeap ? 2 : 1) * 86_400)
    }

    @Test(.ownThread) func `each day of 400 years, a whole cycle of leap years, follows the day before`() throws {
        let start = try #require(Timestamp("1600-01-01T00:00:00Z")).milliseconds / 86_400_000
        var previous = Timestamp(milliseconds: (start - 1) * 86_400_000).description
        for day in start..<start + 146_097 {
            let text = Timestamp(milliseconds: day * 86_400_000).description
            try check(text > previous && text.hasSuffix("T00:00:00.000Z"), "\(text) after \(previous)")
            try checkEqual(Timestamp(text)?.milliseconds, day * 86_400_000, "the moment read from \(text)")
            previous = text
        }
    }

    @Test func `random moments come back after writing and reading`() async throws {
        try await withSeed { random in
            for _ in 0..<5_000 {
                let time = Timestamp(milliseconds: Int64.random(in: -62_167_219_200_000...253_402_300_799_999, using: &random))
                try checkEqual(Timestamp(time.description), time, "the moment read from \(time)")
            }
        }
    }

    @Test func `moments beyond four digits of a year are written as the nearest that fits`() {
        #expect(Timestamp(milliseconds: .max).description == "9999-12-31T23:59:59.999Z")
        #expect(Timestamp(milliseconds: .min).description == "0000-01-01T00:00:00.000Z")
        #expect(Timestamp.distantFuture.description == "9999-12-31T23:59:59.999Z")
    }

    @Test func `moments are ordered and counted in milliseconds`() {
        let start = Timestamp(milliseconds: 1000)
        #expect(start.advanced(bySeconds: 0.25) == Timestamp(milliseconds: 1250))
        #expect(start.advanced(bySeconds: -2) == Timestamp(milliseconds: -1000))
        #expect(start < start.advanced(bySeconds: 0.001))
        #expect(Timestamp(milliseconds: 2500).seconds(since: start) == 1.5)
    }
}
