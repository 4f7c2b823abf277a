import NIOCore

/// Reads a server's WebSocket frames (RFC 6455, section 5.2) from bytes in any portions.
///
/// It knows frames as Parley sends them, whole and unmasked, and refuses others. A frame that arrives in one piece is not
/// copied.
struct FrameReader {
    struct Frame: Equatable {
        let opcode: Opcode
        let payload: ByteBuffer
    }

    enum Opcode: UInt8 {
        case text = 1
        case close = 8
        case ping = 9
    }

    static let maxPayloadBytes = 1 << 20
    private var pending = ByteBuffer()

    mutating func append(_ bytes: ByteBuffer) {
        guard pending.readableBytes > 0 else {
            pending = bytes
            return
        }
        pending.writeImmutableBuffer(bytes)
    }

    /// The next frame; nil when it is not complete yet.
    mutating func next() throws(BenchError) -> Frame? {
        guard let (opcode, start, length) = try header() else { return nil }
        let readable = pending.readableBytes
        guard readable >= start + length, let payload = pending.getSlice(at: pending.readerIndex + start, length: length) else {
            return nil
        }
        if readable == start + length {
            // The buffer is given back, so that the channel can use it again for its next read.
            pending = ByteBuffer()
        } else {
            pending.moveReaderIndex(forwardBy: start + length)
        }
        return Frame(opcode: opcode, payload: payload)
    }

    /// What the frame is, and where its payload starts and how long it is; nil when the header is not complete yet.
    private func header() throws(BenchError) -> (Opcode, start: Int, length: Int)? {
        let index = pending.readerIndex
        guard let first = pending.getInteger(at: index, as: UInt8.self), let second = pending.getInteger(at: index + 1, as: UInt8.self)
        else { return nil }
        guard first & 0xF0 == 0x80, let opcode = Opcode(rawValue: first & 0x0F), second < 0x80 else {
            throw .malformedAnswer("a frame that begins with the bytes \(first) and \(second)")
        }
        switch second {
        case 126:
            return pending.getInteger(at: index + 2, as: UInt16.self).map { (opcode, 4, Int($0)) }
        case 127:
            guard let length = pending.getInteger(at: index + 2, as: UInt64.self) else { return nil }
            guard length <= UInt64(Self.maxPayloadBytes) else { throw .malformedAnswer("a frame of \(length) bytes") }
            return (opcode, 10, Int(length))
        default:
            return (opcode, 2, Int(second))
        }
    }
}
