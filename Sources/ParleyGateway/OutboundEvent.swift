import NIOCore
import ParleyCore
import ParleyModel

/// An event that is encoded once: the same bytes go to every connection of every loop.
struct OutboundEvent: Sendable {
    /// The word in `type`, which server-sent events repeat outside of the JSON.
    let type: String
    /// A whole WebSocket text frame.
    let frame: ByteBuffer
    /// A message's number, or the cursor of `caught_up` and `heartbeat`: what a stream's ids are made of.
    let progress: Progress?
    private let headerBytes: Int

    enum Progress: Sendable {
        case message(ConversationID, Int64)
        case cursor(ResumeCursor)
    }

    init(_ event: Event, cursor: ResumeCursor? = nil) {
        self.init(type: event.type, json: event.json, progress: cursor.map(Progress.cursor))
    }

    /// A message whose JSON form is there already.
    init(message json: [UInt8], _ number: Int64, in conversation: ConversationID) {
        var writer = JSONWriter(capacity: json.count + 32)
        writer.object { writer in
            writer.name("type")
            writer.string("message")
            writer.name("message")
            writer.encoded(json)
        }
        self.init(type: "message", json: writer.bytes, progress: .message(conversation, number))
    }

    private init(type: String, json: [UInt8], progress: Progress?) {
        self.type = type
        self.progress = progress
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
