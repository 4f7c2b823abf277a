import Testing

@testable import ParleyBench

struct LatencyHistogramTests {
    private static let quantiles = [0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1]

    @Test(arguments: [1, 2, 10, 1000, 20_000])
    func `a quantile is never below the sorted array's and at most one part in 64 above`(count: Int) {
        var generator = SystemRandomNumberGenerator()
        let values = (0..<count).map { _ in Int64.random(in: 0..<1 << Int64.random(in: 1...36, using: &generator)) }
        var histogram = LatencyHistogram()
        for value in values { histogram.record(nanoseconds: value) }

        let sorted = values.sorted()
        for quantile in Self.quantiles {
            let exact = sorted[max(1, Int((quantile * Double(count)).rounded(.up))) - 1]
            let found = histogram.quantile(quantile)
            #expect(found >= exact)
            #expect(Double(found) <= Double(exact) * (1 + 1.0 / 64))
        }
    }

    @Test func `small latencies are exact, also at the edges of the buckets`() {
        for value in Array(0...130) + [255, 256, 257] {
            var histogram = LatencyHistogram()
            histogram.record(nanoseconds: Int64(value))
            #expect(histogram.quantile(0.5) == Int64(value))
        }
    }

    @Test func `latencies out of range count as the nearest in range`() {
        var histogram = LatencyHistogram()
        histogram.record(nanoseconds: -1)
        histogram.record(nanoseconds: .max)
        #expect(histogram.count == 2)
        #expect(histogram.quantile(0) == 0)
        #expect(histogram.quantile(1) == LatencyHistogram.largest)
    }

    @Test func `what was counted in parts is as if it had been counted in one`() {
        var (whole, first, second) = (LatencyHistogram(), LatencyHistogram(), LatencyHistogram())
        for value in 1...1000 as ClosedRange<Int64> {
            whole.record(nanoseconds: value * value)
            value.isMultiple(of: 3) ? first.record(nanoseconds: value * value) : second.record(nanoseconds: value * value)
        }
        first.add(second)
        #expect(first == whole)
    }

    @Test func `an empty histogram has quantiles of zero`() {
        #expect(LatencyHistogram().quantile(0.99) == 0)
    }
}
