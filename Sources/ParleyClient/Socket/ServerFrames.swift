import NIOCore
import NIOWebSocket

/// Puts the server's frames together to messages (RFC 6455, section 5.4), as values: a frame in, what to do out.
struct ServerFrames {
    enum Action: Equatable {
        case nothing
        case text([UInt8])
        case pong(ByteBuffer)
        /// The server closes, with its code if it gave one.
        case closed(UInt16?, reason: String)
        case fail(WebSocketErrorCode, String)
    }

    private let maxBytes: Int
    private var fragments: [UInt8]?

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    mutating func receive(_ frame: WebSocketFrame) -> Action {
        // A server must not mask (section 5.1).
        guard frame.maskKey == nil else { return .fail(.protocolError, "a masked frame") }
        guard !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return .fail(.protocolError, "a reserved bit") }
        switch frame.opcode {
        case .text:
            guard fragments == nil else { return .fail(.protocolError, "a message within a message") }
            return append(frame.data, to: [], isLast: frame.fin)
        case .continuation:
            guard let begun = fragments else { return .fail(.protocolError, "a continuation of nothing") }
            return append(frame.data, to: begun, isLast: frame.fin)
        case .binary: return .fail(.unacceptableData, "a binary message")
        case .ping: return isControl(frame) ? .pong(frame.data) : .fail(.protocolError, "a ping that is too long")
        case .pong: return .nothing
        case .connectionClose: return close(frame.data)
        default: return .fail(.protocolError, "an unknown opcode")
        }
    }

    private func isControl(_ frame: WebSocketFrame) -> Bool { frame.fin && frame.data.readableBytes <= 125 }

    private mutating func append(_ payload: ByteBuffer, to begun: [UInt8], isLast: Bool) -> Action {
        guard begun.count + payload.readableBytes <= maxBytes else { return .fail(.messageTooLarge, "a message that is too long") }
        let text = begun + payload.readableBytesView
        fragments = isLast ? nil : text
        return isLast ? .text(text) : .nothing
    }

    private func close(_ payload: ByteBuffer) -> Action {
        var payload = payload
        guard let code = payload.readInteger(as: UInt16.self) else { return .closed(nil, reason: "") }
        return .closed(code, reason: String(decoding: payload.readableBytesView.prefix(123), as: UTF8.self))
    }
}

extension WebSocketFrame {
    /// A client must mask every frame, with a new key each time (section 5.3).
    static func fromClient(_ opcode: WebSocketOpcode, _ payload: ByteBuffer) -> WebSocketFrame {
        WebSocketFrame(fin: true, opcode: opcode, maskKey: .random(), data: payload)
    }

    static func close(_ code: WebSocketErrorCode) -> WebSocketFrame {
        var payload = ByteBuffer()
        payload.write(webSocketErrorCode: code)
        return fromClient(.connectionClose, payload)
    }
}
