/// Which of a conversation's latest messages others sent: what a read marker that was overtaken by messages needs to know.
struct RecentSenders: Sendable, Equatable {
    /// Numbers that are surely remembered; up to twice as many are.
    static let limit = 500

    /// The number of the first one remembered.
    private var first: Int64 = 1
    private var areOthers: [Bool] = []

    private var next: Int64 { first + Int64(areOthers.count) }

    /// Notes a message. After a gap only what follows it is remembered.
    mutating func note(_ number: Int64, isOther: Bool) {
        guard number >= next || areOthers.isEmpty else { return }
        if number != next {
            first = number
            areOthers.removeAll(keepingCapacity: true)
        }
        areOthers.append(isOther)
        if areOthers.count >= 2 * Self.limit { forgetOldest() }
    }

    private mutating func forgetOldest() {
        areOthers.removeFirst(areOthers.count - Self.limit)
        first = first + Int64(Self.limit)
    }

    /// How many messages above `after`, up to `through`, others sent; nil when not all of them are remembered.
    func others(after: Int64, through: Int64) -> Int64? {
        if after >= through { return 0 }
        guard after + 1 >= first, through < next else { return nil }
        let range = Int(after + 1 - first)...Int(through - first)
        return Int64(areOthers[range].count { $0 })
    }
}
