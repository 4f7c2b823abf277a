#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Random numbers that a seed repeats (SplitMix64; Steele, Lea, Flood: "Fast splittable pseudorandom number generators").
public struct SeededGenerator: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) { state = seed }

    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ value >> 30) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ value >> 27) &* 0x94D0_49BB_1331_11EB
        return value ^ value >> 31
    }
}

extension SeededGenerator {
    /// True once in `count` times.
    public mutating func oneIn(_ count: Int) -> Bool { Int.random(in: 0..<count, using: &self) == 0 }

    public mutating func number(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &self) }

    /// One element of a collection that is not empty.
    public mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: elements.indices, using: &self)]
    }
}

/// A failure of a random test, with what it takes to see it again.
public struct SeededFailure: Error, CustomStringConvertible {
    public let seed: UInt64
    public let cause: any Error

    public var description: String { "\(cause) (repeat with PARLEY_TEST_SEED=\(seed))" }
}

/// Runs `body` with random numbers that are new in each run, or those of `PARLEY_TEST_SEED`; a failure names the seed.
public func withSeed<Value>(_ body: (inout SeededGenerator) async throws -> Value) async throws -> Value {
    let seed = getenv("PARLEY_TEST_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0 ... .max)
    var generator = SeededGenerator(seed: seed)
    do {
        return try await body(&generator)
    } catch {
        throw SeededFailure(seed: seed, cause: error)
    }
}
