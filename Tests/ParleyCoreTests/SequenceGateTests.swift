import ParleyCore
import ParleyTesting
import Testing

struct SequenceGateTests {
    @Test(
        arguments: [
            ([6, 7, 8], [6, 7, 8]), ([8, 7, 6], [6, 7, 8]), ([6, 6, 7, 5, 7, 8, 1], [6, 7, 8]), ([7, 8], []), ([1, 2, 3, 4, 5], []),
            ([10, 6, 8, 7, 7, 9], [6, 7, 8, 9, 10]),
        ] as [([Int64], [Int64])])
    func `what passes is the next one, always`(arriving: [Int64], passing: [Int64]) {
        var gate = SequenceGate<Int64>(head: 5)
        #expect(arriving.flatMap { pass($0, &gate) } == passing)
        #expect(gate.head == passing.last ?? 5)
        #expect(gate.hasGap == (gate.head < arriving.max() ?? 0))
    }

    @Test func `what does not fit is known to exist, and passes when it is read again`() {
        var gate = SequenceGate<Int64>(head: 0, maxHeld: 3)
        for number in 2...10 as ClosedRange<Int64> { #expect(pass(number, &gate).isEmpty) }
        #expect(pass(1, &gate) == [1, 2, 3, 4])
        #expect(gate.hasGap)
        #expect((5...10).flatMap { pass($0, &gate) } == [5, 6, 7, 8, 9, 10])
        #expect(!gate.hasGap)
    }

    @Test func `a number that is learned of is a gap until it has passed`() {
        var gate = SequenceGate<Int64>(head: 3)
        gate.learn(2)
        #expect(!gate.hasGap)
        gate.learn(5)
        #expect(gate.hasGap)
        #expect(pass(4, &gate) == [4])
        #expect(gate.hasGap)
        #expect(pass(5, &gate) == [5])
        #expect(!gate.hasGap)
    }

    @Test func `in any order, with any repeats, it comes out as 1 to n`() async throws {
        try await withSeed { random in
            for _ in 0..<200 {
                let count = random.number(1...60)
                var arriving = (1...count).flatMap { number in Array(repeating: Int64(number), count: random.number(1...3)) }
                arriving.shuffle(using: &random)
                var gate = SequenceGate<Int64>(head: 0)
                let passed = arriving.flatMap { pass($0, &gate) }
                try #require(passed == (1...count).map(Int64.init), "\(arriving)")
            }
        }
    }

    private func pass(_ number: Int64, _ gate: inout SequenceGate<Int64>) -> [Int64] {
        guard gate.receive(number, number) == .passes else { return [] }
        var passed = [number]
        while let next = gate.next() { passed.append(next.event) }
        return passed
    }
}
