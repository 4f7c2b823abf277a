import Foundation
import ParleyFuzz
import ParleyTesting
import Testing

/// What the fuzzer is fed with holds without it, too: every file of the corpus, and seeded mutations of them.
@Suite(.ownThread)
struct FuzzCorpusTests {
    private static let corpus: [[UInt8]] = {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Fuzz/corpus")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()) ?? []
        return names.compactMap { try? Array(Data(contentsOf: folder.appending(path: $0))) }
    }()

    @Test func `every file of the corpus is read without harm, in any portions`() throws {
        #expect(Self.corpus.count >= 25)
        for input in Self.corpus { try FuzzTargets.run(input) }
    }

    @Test func `so are thousands of damaged ones`() async throws {
        try await withSeed { random in
            for _ in 0..<3000 {
                var input = random.pick(Self.corpus)
                for _ in 0..<random.number(1...6) { Self.damage(&input, with: random.pick(Self.corpus), &random) }
                try FuzzTargets.run(input)
            }
        }
    }

    private static func damage(_ bytes: inout [UInt8], with other: [UInt8], _ random: inout SeededGenerator) {
        let place = random.number(0...max(0, bytes.count - 1))
        switch random.number(0...4) {
        case 0: if place < bytes.count { bytes[place] = UInt8(random.number(0...255)) }
        case 1: if place < bytes.count { bytes[place] ^= 1 << UInt8(random.number(0...7)) }
        case 2: bytes.removeSubrange(min(place, bytes.count)..<min(bytes.count, place + random.number(1...8)))
        case 3: bytes.insert(contentsOf: other.suffix(random.number(1...40)), at: min(place, bytes.count))
        default: bytes.append(contentsOf: other.dropFirst())
        }
        if bytes.count > 4096 { bytes.removeLast(bytes.count - 4096) }
    }
}
