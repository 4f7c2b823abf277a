import NIOCore
import ParleyCore
import ParleyModel

/// The replies to commands.
enum SocketText {
    static func ok(_ id: Int64, _ members: (inout JSONWriter) -> Void = { _ in }) -> [UInt8] {
        reply(id, "ok", members)
    }

    static func error(_ id: Int64, _ error: ParleyError) -> [UInt8] {
        reply(id, "error") { json in
            json.name("code")
            json.string(error.code.rawValue)
            json.name("detail")
            json.string(error.detail)
            json.name("retryable")
            json.bool(error.code.isRetryable)
            if let seconds = error.retryAfterSeconds {
                json.name("retry_after_ms")
                json.integer(Int64((seconds * 1000).rounded(.up)))
            }
        }
    }

    private static func reply(_ id: Int64, _ type: String, _ members: (inout JSONWriter) -> Void) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("id")
            json.integer(id)
            json.name("type")
            json.string(type)
            members(&json)
        }
        return json.bytes
    }
}

/// A whole unmasked, unfragmented frame (RFC 6455, section 5.2), header and payload in one buffer: made once, the same
/// bytes go to every socket.
enum FrameBytes {
    static func text(_ payload: [UInt8]) -> ByteBuffer { frame(0x81, payload) }

    static func close(_ code: CloseCode) -> ByteBuffer {
        frame(0x88, [UInt8(code.rawValue >> 8), UInt8(code.rawValue & 0xFF)] + Array(code.reason.utf8))
    }

    static func pong(_ payload: [UInt8]) -> ByteBuffer { frame(0x8A, payload) }
    static let ping = frame(0x89, [])

    private static func frame(_ firstByte: UInt8, _ payload: [UInt8]) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(payload.count + 10)
        buffer.writeInteger(firstByte)
        switch payload.count {
        case 0..<126: buffer.writeInteger(UInt8(payload.count))
        case 126...0xFFFF:
            buffer.writeInteger(UInt8(126))
            buffer.writeInteger(UInt16(payload.count))
        default:
            buffer.writeInteger(UInt8(127))
            buffer.writeInteger(UInt64(payload.count))
        }
        buffer.writeBytes(payload)
        return buffer
    }
}
