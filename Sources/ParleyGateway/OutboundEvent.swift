import NIOCore
import ParleyModel

/// An event that is encoded once: the same bytes go to every connection of every loop.
struct OutboundEvent: Sendable {
    /// The word in `type`, which server-sent events repeat outside of the JSON.
    let type: String
    /// A whole WebSocket text frame.
    let frame: ByteBuffer
    private let headerBytes: Int

    init(_ event: Event) {
        self.init(type: event.type, json: event.json)
    }

    /// A message whose JSON form is there already.
    init(message json: [UInt8]) {
        var writer = JSONWriter(capacity: json.count + 32)
        writer.object { writer in
            writer.name("type")
            writer.string("message")
            writer.name("message")
            writer.encoded(json)
        }
        self.init(type: "message", json: writer.bytes)
    }

    private init(type: String, json: [UInt8]) {
        self.type = type
        frame = FrameBytes.text(json)
        headerBytes = frame.readableBytes - json.count
    }

    /// The JSON alone, without copying it.
    var json: ByteBuffer {
        var json = frame
        json.moveReaderIndex(forwardBy: headerBytes)
        return json
    }
}
