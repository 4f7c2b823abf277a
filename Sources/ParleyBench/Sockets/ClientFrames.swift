import NIOCore
import ParleyModel

/// What a receiver sends. Every client frame is masked (RFC 6455, section 5.3), here with a mask of zeros, which leaves
/// the bytes as they are.
enum ClientFrames {
    static func handshake() -> ByteBuffer {
        ByteBuffer(
            string: "GET /v1/socket HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: parley.v1\r\n\r\n")
    }

    static func authenticate(_ token: String, id: Int64) -> String {
        "{\"id\":\(id),\"type\":\"authenticate\",\"token\":\"\(token)\"}"
    }

    static func subscribe(from position: Int64, in conversation: ConversationID, cursor: String?, id: Int64) -> String {
        let cursor = cursor.map { ",\"cursor\":\"\($0)\"" } ?? ""
        return "{\"id\":\(id),\"type\":\"subscribe\",\"positions\":{\"\(conversation)\":\(position)}\(cursor)}"
    }

    static let pong = ByteBuffer(bytes: [0x8A, 0x80, 0, 0, 0, 0])

    static func write(text: String, into buffer: inout ByteBuffer) {
        writeHeader(length: text.utf8.count, into: &buffer)
        buffer.writeString(text)
    }

    static func writeHeader(length: Int, into buffer: inout ByteBuffer) {
        precondition(length <= 0xFFFF)
        buffer.writeInteger(UInt8(0x81))
        if length < 126 {
            buffer.writeInteger(UInt8(0x80 | length))
        } else {
            buffer.writeInteger(UInt8(0x80 | 126))
            buffer.writeInteger(UInt16(length))
        }
        buffer.writeInteger(UInt32(0))
    }
}

/// The `send` command with a place for the client message id, a number of ``CountingNumbers/digits`` digits.
struct SendCommand: Sendable {
    private let head: ByteBuffer
    private static let tail = "\"}"

    init(in conversation: ConversationID, content: String) {
        let text =
            "{\"id\":0,\"type\":\"send\",\"conversation_id\":\"\(conversation)\",\"message_type\":\"text\",\"content\":\"\(content)\","
            + "\"client_message_id\":\""
        var head = ByteBuffer()
        ClientFrames.writeHeader(length: text.utf8.count + CountingNumbers.digits + Self.tail.utf8.count, into: &head)
        head.writeString(text)
        self.head = head
    }

    func write(number: Int64, into buffer: inout ByteBuffer) {
        buffer.writeImmutableBuffer(head)
        buffer.writeDecimal(number)
        buffer.writeString(Self.tail)
    }
}
