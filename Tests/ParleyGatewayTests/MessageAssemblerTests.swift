import NIOCore
import NIOWebSocket
import Testing

@testable import ParleyGateway

struct MessageAssemblerTests {
    private static let text = Array("aé😀\"€".utf8)

    @Test func `every split into fragments gives the same text, with control frames in between`() {
        for fragments in Self.everySplit(of: Self.text) {
            var assembler = MessageAssembler(maxBytes: Self.text.count)
            for (place, fragment) in fragments.enumerated() {
                let isLast = place == fragments.count - 1
                let action = assembler.receive(frame(place == 0 ? .text : .continuation, fragment, fin: isLast))
                #expect(action == (isLast ? .text(Self.text) : .nothing))
                #expect(assembler.receive(frame(.ping, [UInt8(place)])) == .pong([UInt8(place)]))
                #expect(assembler.receive(frame(.pong, [])) == .nothing)
            }
        }
    }

    @Test func `empty fragments add nothing`() {
        var assembler = MessageAssembler(maxBytes: 2)
        #expect(assembler.receive(frame(.text, [], fin: false)) == .nothing)
        #expect(assembler.receive(frame(.continuation, Array("hi".utf8), fin: false)) == .nothing)
        #expect(assembler.receive(frame(.continuation, [])) == .text(Array("hi".utf8)))
        #expect(assembler.receive(frame(.text, [])) == .text([]))
    }

    @Test func `one message after the other is put together`() {
        var assembler = MessageAssembler(maxBytes: 4)
        for text in ["one", "two", "four"] {
            let bytes = Array(text.utf8)
            #expect(assembler.receive(frame(.text, Array(bytes.prefix(1)), fin: false)) == .nothing)
            #expect(assembler.receive(frame(.continuation, Array(bytes.dropFirst()))) == .text(bytes))
        }
    }

    @Test func `the limit holds for the sum of the fragments`() {
        for count in [1, 2, 5] {
            var assembler = MessageAssembler(maxBytes: count * 10)
            for place in 0..<count {
                let action = assembler.receive(frame(place == 0 ? .text : .continuation, Array(repeating: 0x61, count: 10), fin: false))
                #expect(action == .nothing)
            }
            #expect(assembler.receive(frame(.continuation, [0x61], fin: false)) == .fail(.tooBig))
        }
        var assembler = MessageAssembler(maxBytes: 10)
        #expect(assembler.receive(frame(.text, Array(repeating: 0x61, count: 11))) == .fail(.tooBig))
    }

    @Test(arguments: [
        [frame(.text, [0x61], masked: false)], [frame(.ping, [], masked: false)],
        [frame(.text, [0x61], rsv: true)],
        [frame(.continuation, [0x61])],
        [frame(.text, [0x61], fin: false), frame(.text, [0x61])],
        [frame(.text, [0x61]), frame(.continuation, [0x61])],
        [frame(.ping, [], fin: false)],
        [frame(WebSocketOpcode(encodedWebSocketOpcode: 0x3)!, [])], [frame(WebSocketOpcode(encodedWebSocketOpcode: 0xB)!, [])],
    ])
    func `frames that break the protocol fail`(frames: [WebSocketFrame]) {
        var assembler = MessageAssembler(maxBytes: 100)
        let actions = frames.map { assembler.receive($0) }
        #expect(actions.last == .fail(.protocolError))
    }

    @Test func `a binary frame fails as data of an unsupported kind`() {
        var assembler = MessageAssembler(maxBytes: 100)
        #expect(assembler.receive(frame(.binary, [1])) == .fail(.unsupportedData))
    }

    @Test func `a close ends, also between fragments`() {
        var assembler = MessageAssembler(maxBytes: 100)
        #expect(assembler.receive(frame(.text, [0x61], fin: false)) == .nothing)
        #expect(assembler.receive(frame(.connectionClose, [0x03, 0xE8])) == .closed)
    }

    /// All ways to cut the bytes into pieces that are not empty: each gap between two bytes is cut or it is not.
    private static func everySplit(of bytes: [UInt8]) -> [[[UInt8]]] {
        (0..<(1 << (bytes.count - 1))).map { cuts in
            var pieces: [[UInt8]] = [[]]
            for (place, byte) in bytes.enumerated() {
                if place > 0, cuts >> (place - 1) & 1 == 1 { pieces.append([]) }
                pieces[pieces.count - 1].append(byte)
            }
            return pieces
        }
    }
}

/// A frame as it arrives from a client: its payload still masked.
private func frame(_ opcode: WebSocketOpcode, _ payload: [UInt8], fin: Bool = true, masked: Bool = true, rsv: Bool = false)
    -> WebSocketFrame
{
    var data = ByteBuffer(bytes: payload)
    let key: WebSocketMaskingKey = [0x1F, 0x00, 0xA7, 0xFF]
    if masked { data.webSocketMask(key) }
    return WebSocketFrame(fin: fin, rsv1: rsv, opcode: opcode, maskKey: masked ? key : nil, data: data)
}
