import NIOCore
import NIOWebSocket
import Testing

@testable import ParleyClient

struct ServerFramesTests {
    private var frames = ServerFrames(maxBytes: 10)

    private func frame(_ opcode: WebSocketOpcode, _ text: String = "", fin: Bool = true, masked: Bool = false) -> WebSocketFrame {
        WebSocketFrame(fin: fin, opcode: opcode, maskKey: masked ? .random() : nil, data: ByteBuffer(string: text))
    }

    @Test func `a message is put together from its parts`() {
        var frames = frames
        #expect(frames.receive(frame(.text, "abc", fin: false)) == .nothing)
        #expect(frames.receive(frame(.ping, "p")) == .pong(ByteBuffer(string: "p")))
        #expect(frames.receive(frame(.continuation, "def")) == .text(Array("abcdef".utf8)))
        #expect(frames.receive(frame(.text, "g")) == .text(Array("g".utf8)))
    }

    @Test func `what breaks the rules is refused`() {
        for wrong in [
            frame(.text, "a", masked: true), frame(.continuation, "a"), frame(.binary, "a"), frame(.text, "12345678901"),
            frame(.ping, String(repeating: "p", count: 126)), frame(.ping, "p", fin: false),
            frame(WebSocketOpcode(encodedWebSocketOpcode: 5)!),
        ] {
            var frames = frames
            guard case .fail = frames.receive(wrong) else {
                Issue.record("\(wrong.opcode) was taken")
                return
            }
        }
        var within = frames
        _ = within.receive(frame(.text, "a", fin: false))
        guard case .fail = within.receive(frame(.text, "b")) else {
            Issue.record("a message within a message was taken")
            return
        }
    }

    @Test func `parts may not add up to more than a message may hold`() {
        var frames = frames
        _ = frames.receive(frame(.text, "123456", fin: false))
        #expect(frames.receive(frame(.continuation, "78901", fin: false)) == .fail(.messageTooLarge, "a message that is too long"))
    }

    @Test func `a close has a code, or none`() {
        var frames = frames
        #expect(frames.receive(frame(.connectionClose)) == .closed(nil, reason: ""))
        #expect(frames.receive(frame(.connectionClose, "\u{0F}\u{21}gone")) == .closed(0x0F21, reason: "gone"))
    }
}
