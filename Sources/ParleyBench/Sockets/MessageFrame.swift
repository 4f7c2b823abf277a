import NIOCore

/// A message event as the server wrote it, for writing it again with other sequence numbers.
struct MessageFrame: Sendable {
    private let head: [UInt8]
    private let tail: [UInt8]

    /// Nil when the text is no message event.
    init?(_ payload: ByteBuffer) {
        let text = Array(payload.readableBytesView)
        guard case .message = SocketEvent(payload),
            let start = text.withUnsafeBytes({ $0.lastPlace(after: Array("\"sequence_number\":".utf8)) })
        else { return nil }
        head = Array(text[..<start])
        tail = Array(text[start...].drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
    }

    /// A server's frame: not masked.
    func write(number: Int64, into buffer: inout ByteBuffer) {
        let length = head.count + String(number).utf8.count + tail.count
        buffer.writeInteger(UInt8(0x81))
        if length < 126 {
            buffer.writeInteger(UInt8(length))
        } else {
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(length))
        }
        buffer.writeBytes(head)
        buffer.writeDecimal(number)
        buffer.writeBytes(tail)
    }
}
