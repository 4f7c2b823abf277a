/// How long to wait before the next attempt: twice as long each time up to a limit, of which a random part is waited
/// ("full jitter"), so that clients that lost one server do not come back together.
struct Backoff: Sendable, Equatable {
    private let baseMilliseconds: Int64
    private let maxMilliseconds: Int64
    private var random: UInt64
    private var attempts = 0

    init(baseMilliseconds: Int64, maxMilliseconds: Int64, seed: UInt64) {
        self.baseMilliseconds = baseMilliseconds
        self.maxMilliseconds = maxMilliseconds
        random = seed
    }

    mutating func reset() { attempts = 0 }

    mutating func next() -> Int64 {
        let ceiling = min(maxMilliseconds, baseMilliseconds << min(attempts, 16))
        attempts += 1
        return Int64(nextRandom() % UInt64(ceiling + 1))
    }

    /// SplitMix64.
    private mutating func nextRandom() -> UInt64 {
        random &+= 0x9E37_79B9_7F4A_7C15
        var value = random
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
