import NIOCore
import NIOEmbedded
import NIOWebSocket
import Testing

@testable import ParleyGateway

/// Our frames are read by NIO's own decoder.
struct FrameBytesTests {
    @Test(arguments: [0, 1, 125, 126, 127, 65_535, 65_536, 65_537, 1_000_000])
    func `a text of any length is one whole frame`(length: Int) throws {
        let payload = (0..<length).map { UInt8($0 % 128) }
        let frame = try decoded(FrameBytes.text(payload))
        #expect(frame.opcode == .text)
        #expect(frame.fin)
        #expect(frame.maskKey == nil)
        #expect(!frame.rsv1 && !frame.rsv2 && !frame.rsv3)
        #expect(Array(frame.data.readableBytesView) == payload)
    }

    @Test(arguments: [0, 1, 125])
    func `a pong returns what the ping carried`(length: Int) throws {
        let payload = (0..<length).map { UInt8($0) }
        let frame = try decoded(FrameBytes.pong(payload))
        #expect(frame.opcode == .pong)
        #expect(Array(frame.data.readableBytesView) == payload)
    }

    @Test func `a ping is empty`() throws {
        let frame = try decoded(FrameBytes.ping)
        #expect(frame.opcode == .ping)
        #expect(frame.data.readableBytes == 0)
    }

    @Test(arguments: CloseCode.allCases)
    func `a close frame carries its code and a reason that fits`(code: CloseCode) throws {
        let frame = try decoded(FrameBytes.close(code))
        var data = frame.data
        #expect(frame.opcode == .connectionClose)
        #expect(data.readableBytes <= 125)
        #expect(data.readInteger(as: UInt16.self) == code.rawValue)
        #expect(data.readString(length: data.readableBytes) == code.reason)
    }

    private func decoded(_ bytes: ByteBuffer) throws -> WebSocketFrame {
        let channel = EmbeddedChannel(handler: ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1 << 20)))
        defer { _ = try? channel.finish() }
        try channel.writeInbound(bytes)
        let frame = try #require(try channel.readInbound(as: WebSocketFrame.self))
        #expect(try channel.readInbound(as: WebSocketFrame.self) == nil)
        return frame
    }
}
