/// Counts latencies, in nanoseconds, in a fixed number of buckets: recording is one addition, whatever was recorded before.
///
/// Buckets are exact below 128 ns; above, each power of two has 64 of them. A quantile is therefore never too low and at
/// most 1/64 too high. Latencies of 2^37 ns (137 s) and more count as just below that.
struct LatencyHistogram: Sendable, Equatable {
    private static let perOctave = 64
    private static let bucketCount = 2048
    static let largest: Int64 = (1 << 37) - 1

    private(set) var count: Int64 = 0
    private var buckets = [Int64](repeating: 0, count: bucketCount)
    private var highest: Int64 = 0

    mutating func record(nanoseconds: Int64) {
        let value = min(max(nanoseconds, 0), Self.largest)
        buckets[Self.bucket(of: value)] += 1
        count += 1
        if value > highest { highest = value }
    }

    /// Counts all that the other has counted.
    mutating func add(_ other: LatencyHistogram) {
        for bucket in buckets.indices { buckets[bucket] += other.buckets[bucket] }
        count += other.count
        highest = max(highest, other.highest)
    }

    /// The latency, in nanoseconds, that a part `quantile` of all recorded ones does not exceed; 0 when there are none.
    func quantile(_ quantile: Double) -> Int64 {
        let rank = max(1, Int64((quantile * Double(count)).rounded(.up)))
        var passed: Int64 = 0
        for (bucket, inBucket) in buckets.enumerated() {
            passed += inBucket
            if passed >= rank { return min(Self.upperBound(of: bucket), highest) }
        }
        return highest
    }

    private static func bucket(of value: Int64) -> Int {
        guard value >= 2 * perOctave else { return Int(value) }
        let shift = Int64.bitWidth - value.leadingZeroBitCount - 7
        return shift * perOctave + Int(value >> Int64(shift))
    }

    private static func upperBound(of bucket: Int) -> Int64 {
        guard bucket >= 2 * perOctave else { return Int64(bucket) }
        let shift = bucket / perOctave - 1
        return Int64(bucket % perOctave + perOctave + 1) << Int64(shift) - 1
    }
}
