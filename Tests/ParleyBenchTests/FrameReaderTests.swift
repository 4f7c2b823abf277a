import NIOCore
import Testing

@testable import ParleyBench

struct FrameReaderTests {
    private static let short = "{\"type\":\"hello\"}"
    private static let long = String(repeating: "a", count: 300)
    private static let veryLong = String(repeating: "b", count: 70_000)
    private static let stream = frame(short) + [0x89, 0x00] + frame(long) + frame("") + [0x88, 0x02, 0x0F, 0xA0] + frame(short)
    private static let expected = [
        text(short), FrameReader.Frame(opcode: .ping, payload: ByteBuffer()), text(long), text(""),
        FrameReader.Frame(opcode: .close, payload: ByteBuffer(bytes: [0x0F, 0xA0])), text(short),
    ]

    @Test func `every split of the bytes gives the same frames`() throws {
        for split in 0...Self.stream.count {
            #expect(try read([Array(Self.stream[..<split]), Array(Self.stream[split...])]) == Self.expected)
        }
    }

    @Test func `every size of portion gives the same frames`() throws {
        for size in 1...40 {
            let portions = stride(from: 0, to: Self.stream.count, by: size).map { start in
                Array(Self.stream[start..<min(start + size, Self.stream.count)])
            }
            #expect(try read(portions) == Self.expected)
        }
    }

    @Test func `a frame of more than 64 KiB has a longer header`() throws {
        let bytes = Self.frame(Self.veryLong)
        #expect(bytes[1] == 127)
        #expect(try read([Array(bytes[..<5]), Array(bytes[5...])]) == [Self.text(Self.veryLong)])
    }

    @Test func `an incomplete frame is no frame`() throws {
        #expect(try read([Array(Self.frame(Self.long).dropLast())]).isEmpty)
    }

    @Test(
        arguments: [
            [0x01, 0x00],  // not the last fragment
            [0x80, 0x00],  // a continuation
            [0x82, 0x00],  // binary
            [0x81, 0x80, 0, 0, 0, 0],  // masked
            [0xC1, 0x00],  // a reserved bit
            [0x81, 0x7F, 0, 0, 0, 0, 1, 0, 0, 0],  // 16 MiB
            Array("HTTP/1.1".utf8),
        ] as [[UInt8]])
    func `what the server never sends is refused`(bytes: [UInt8]) {
        #expect(throws: BenchError.self) { try read([bytes]) }
    }

    private func read(_ portions: [[UInt8]]) throws -> [FrameReader.Frame] {
        var reader = FrameReader()
        var frames: [FrameReader.Frame] = []
        for portion in portions {
            reader.append(ByteBuffer(bytes: portion))
            while let frame = try reader.next() { frames.append(frame) }
        }
        return frames
    }

    private static func text(_ text: String) -> FrameReader.Frame { FrameReader.Frame(opcode: .text, payload: ByteBuffer(string: text)) }

    static func frame(_ text: String) -> [UInt8] {
        let count = text.utf8.count
        let length: [UInt8] =
            switch count {
            case 0..<126: [UInt8(count)]
            case 126...0xFFFF: [126, UInt8(count >> 8), UInt8(count & 0xFF)]
            default: [127] + (0..<8).reversed().map { UInt8(count >> ($0 * 8) & 0xFF) }
            }
        return [0x81] + length + Array(text.utf8)
    }
}
