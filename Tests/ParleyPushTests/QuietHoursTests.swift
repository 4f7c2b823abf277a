import Foundation
import ParleyModel
import Testing

@testable import ParleyPush

struct QuietHoursTests {
    private func hold(_ from: Int, _ to: Int, at time: String, in zone: String = "UTC") throws -> Bool {
        let timeZone = try #require(TimeZone(identifier: zone))
        return QuietHours(from: from, to: to).hold(at: try #require(Timestamp(time)), in: timeZone)
    }

    @Test(arguments: [("21:59:59.999", false), ("22:00:00.000", true), ("22:29:59.999", true), ("22:30:00.000", false)])
    func `a part of one day begins with its first minute and ends before its last`(time: String, isQuiet: Bool) throws {
        #expect(try hold(22 * 60, 22 * 60 + 30, at: "2026-11-30T\(time)Z") == isQuiet)
    }

    @Test(
        arguments: [
            ("21:59", false), ("22:00", true), ("23:59", true), ("00:00", true), ("06:59", true), ("07:00", false), ("12:00", false),
        ])
    func `a part that ends on the next day goes past midnight`(time: String, isQuiet: Bool) throws {
        #expect(try hold(22 * 60, 7 * 60, at: "2026-11-30T\(time):00Z") == isQuiet)
    }

    @Test(arguments: ["00:00", "07:00", "12:34", "23:59"])
    func `equal ends are the whole day`(time: String) throws {
        #expect(try hold(7 * 60, 7 * 60, at: "2026-11-30T\(time):00Z"))
    }

    @Test func `the user's clock decides, on either side of Greenwich`() throws {
        #expect(try hold(22 * 60, 7 * 60, at: "2026-11-30T21:30:00Z", in: "Europe/Berlin"))
        #expect(try !hold(22 * 60, 7 * 60, at: "2026-11-30T22:30:00Z", in: "America/New_York"))
        #expect(try hold(0, 60, at: "2026-11-30T18:30:00Z", in: "Asia/Kolkata"))
        #expect(try hold(23 * 60, 0, at: "1969-12-31T23:30:00Z"))
    }

    /// 2026-03-29 01:00 UTC: 02:00 becomes 03:00 in Berlin.
    @Test func `an hour that the clock skips is not quiet`() throws {
        #expect(try !hold(120, 180, at: "2026-03-29T00:59:59Z", in: "Europe/Berlin"))
        #expect(try !hold(120, 180, at: "2026-03-29T01:00:00Z", in: "Europe/Berlin"))
        // And what ends after it ends at the hour that the clock shows.
        #expect(try hold(22 * 60, 7 * 60, at: "2026-03-29T04:59:00Z", in: "Europe/Berlin"))
        #expect(try !hold(22 * 60, 7 * 60, at: "2026-03-29T05:00:00Z", in: "Europe/Berlin"))
    }

    /// 2026-10-25 01:00 UTC: 03:00 becomes 02:00 in Berlin.
    @Test(
        arguments: [
            ("23:59:59", false), ("00:00:00", true), ("00:59:59", true), ("01:00:00", true), ("01:59:59", true), ("02:00:00", false),
        ])
    func `an hour that the clock repeats is quiet twice`(time: String, isQuiet: Bool) throws {
        let day = time.hasPrefix("23") ? "2026-10-24" : "2026-10-25"
        #expect(try hold(120, 180, at: "\(day)T\(time)Z", in: "Europe/Berlin") == isQuiet)
    }
}
