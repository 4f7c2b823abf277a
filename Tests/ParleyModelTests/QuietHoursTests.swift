import ParleyModel
import Testing

struct QuietHoursTests {
    @Test(arguments: [("00:00", 0), ("07:05", 425), ("22:00", 1320), ("23:59", 1439)])
    func `a time of day is read as minutes since midnight`(text: String, minutes: Int) {
        #expect(QuietHours.minutes(text) == minutes)
    }

    @Test(arguments: ["24:00", "22:60", "7:00", "22:0", "22.00", "22:00:00", "", ":", "-1:00", " 7:00", "٢٢:٠٠", "22:0a", "+7:00"])
    func `anything else is none`(text: String) {
        #expect(QuietHours.minutes(text) == nil)
    }
}
