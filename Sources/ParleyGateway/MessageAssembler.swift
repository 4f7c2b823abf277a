import NIOCore
import NIOWebSocket

/// Puts a client's frames together to messages (RFC 6455, section 5.4), as values: a frame in, what to do out.
struct MessageAssembler {
    enum Action: Equatable {
        case nothing
        case text([UInt8])
        case pong([UInt8])
        /// The client closes; echo and end.
        case closed
        case fail(CloseCode)
    }

    private let maxBytes: Int
    private var fragments: [UInt8]?

    init(maxBytes: Int) { self.maxBytes = maxBytes }

    mutating func receive(_ frame: WebSocketFrame) -> Action {
        // A client must mask every frame (section 5.1).
        guard frame.maskKey != nil, !frame.rsv1, !frame.rsv2, !frame.rsv3 else { return .fail(.protocolError) }
        let payload = frame.unmaskedData
        switch frame.opcode {
        case .text:
            guard fragments == nil else { return .fail(.protocolError) }
            return append(payload, to: [], isLast: frame.fin)
        case .continuation:
            guard let begun = fragments else { return .fail(.protocolError) }
            return append(payload, to: begun, isLast: frame.fin)
        case .binary: return .fail(.unsupportedData)
        case .ping: return frame.fin ? .pong(Array(payload.readableBytesView)) : .fail(.protocolError)
        case .pong: return .nothing
        case .connectionClose: return .closed
        default: return .fail(.protocolError)
        }
    }

    private mutating func append(_ payload: ByteBuffer, to begun: [UInt8], isLast: Bool) -> Action {
        guard begun.count + payload.readableBytes <= maxBytes else { return .fail(.tooBig) }
        let text = begun + payload.readableBytesView
        fragments = isLast ? nil : text
        return isLast ? .text(text) : .nothing
    }
}
