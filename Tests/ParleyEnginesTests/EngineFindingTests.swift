import ParleyEngines
import Testing

struct EngineFindingTests {
    @Test(arguments: [
        ("6.0.5", [5, 0], true), ("4.4.29", [5, 0], false), ("15.20 (Debian 15.20-0+deb12u1)", [13], true), ("3.10.8", [3, 10], true),
        ("3.9.27", [3, 10], false), ("5", [5, 0], true), ("7.0-rc1", [7, 0, 1], false), ("of no version", [1], false),
    ])
    func `versions are compared by their numbers`(found: String, wanted: [Int], isEnough: Bool) {
        #expect(isVersion(found, atLeast: wanted) == isEnough)
    }
}
