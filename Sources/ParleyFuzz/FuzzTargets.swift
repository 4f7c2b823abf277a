import NIOCore
import NIOEmbedded
import NIOWebSocket
import ParleyCore
import ParleyModel

@testable import ParleyGateway

/// What hostile bytes are thrown at: each target reads any bytes without harm, and checks laws that hold for all of them.
/// `make fuzz` feeds them from libFuzzer, `make test` from the corpus and from seeded mutations of it.
public enum FuzzTargets {
    /// A law that some bytes broke.
    public struct Broken: Error, CustomStringConvertible {
        public let description: String
    }

    /// The first byte says which target the rest is for.
    public static func run(_ input: [UInt8]) throws {
        guard let kind = input.first else { return }
        let bytes = Array(input.dropFirst())
        switch kind % 4 {
        case 0: try command(bytes)
        case 1: try frames(bytes)
        case 2: try cursor(bytes)
        default: try streamID(bytes)
        }
    }

    /// The text of one command. It is read the same way twice, and UTF-8 is judged as the standard library judges it.
    static func command(_ bytes: [UInt8]) throws {
        let verdict = ReadCommand(bytes)
        guard ReadCommand(bytes) == verdict else { throw Broken(description: "one text is read in two ways") }
        let isText = String(validating: bytes, as: UTF8.self) != nil
        guard (verdict == .unreadable(.invalidUTF8)) == !isText else { throw Broken(description: "UTF-8 is judged wrongly") }
    }

    /// A client's bytes after the handshake. However they are cut into portions, they mean the same.
    static func frames(_ bytes: [UInt8]) throws {
        let whole = try actions(bytes, portion: max(1, bytes.count))
        for portion in [1, 2, 3, 7] {
            guard try actions(bytes, portion: portion) == whole else {
                throw Broken(description: "bytes mean something else in portions of \(portion)")
            }
        }
    }

    /// What a connection would do about these bytes, up to the first failure.
    private static func actions(_ bytes: [UInt8], portion: Int) throws -> [String] {
        let reader = FrameReader()
        let channel = EmbeddedChannel(handlers: [ByteToMessageHandler(WebSocketFrameDecoder(maxFrameSize: 1024)), reader])
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }
        for start in stride(from: 0, to: bytes.count, by: portion) where !reader.hasFailed {
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes[start..<min(start + portion, bytes.count)]))
        }
        return reader.actions
    }

    private final class FrameReader: ChannelInboundHandler {
        typealias InboundIn = WebSocketFrame

        private var assembler = MessageAssembler(maxBytes: 2048)
        private(set) var actions: [String] = []
        private(set) var hasFailed = false

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard !hasFailed else { return }
            let action = assembler.receive(unwrapInboundIn(data))
            switch action {
            case .nothing: break
            case .closed, .fail:
                hasFailed = true
                actions.append("\(action)")
            case .text, .pong: actions.append("\(action)")
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            guard !hasFailed else { return }
            hasFailed = true
            actions.append("broken")
        }
    }

    /// A cursor that a client made up: nil, or one that is written as it was read.
    static func cursor(_ bytes: [UInt8]) throws {
        let text = String(decoding: bytes, as: UTF8.self)
        guard let cursor = ResumeCursor(text) else { return }
        guard ResumeCursor(cursor.text) == cursor else { throw Broken(description: "a cursor is not read as it is written") }
    }

    static func streamID(_ bytes: [UInt8]) throws {
        guard let id = EventStreamID(String(decoding: bytes, as: UTF8.self)) else { return }
        guard let again = EventStreamID(id.text), again.text.utf8.count <= 2048 else {
            throw Broken(description: "an id is not read as it is written")
        }
    }
}
