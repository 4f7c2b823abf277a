import ParleyModel
import ParleyPush

/// The JSON that the browser's service worker gets, cut to what a push service takes.
enum WebPushPayload {
    /// A title is cut to this share of the room that there is for both texts.
    private static let titleShare = 4

    /// - Parameter limit: In bytes of JSON. Ids and numbers are always whole.
    static func json(_ notification: PushNotification, limit: Int = MessageEncryption.plaintextLimit) -> [UInt8] {
        switch notification.content {
        case .read(let read): return json(read, badge: notification.badge)
        case .message(let message):
            let whole = json(message, title: message.title, body: message.text, badge: notification.badge)
            guard whole.count > limit else { return whole }
            let empty = json(message, title: message.title.map { _ in "" }, body: message.text.map { _ in "" }, badge: notification.badge)
            let room = limit - empty.count
            let title = message.title.map { EncodedText.cut($0, toBytes: message.text == nil ? room : room / titleShare) }
            let left = room - EncodedText.byteCount((title ?? "").utf8)
            let body = message.text.map { EncodedText.cut($0, toBytes: left) }
            return json(message, title: title, body: body, badge: notification.badge)
        }
    }

    private static func json(_ message: PushMessage, title: String?, body: String?, badge: Int64?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            message.writeNames(to: &json)
            json.name("sequence_number")
            json.optional(message.sequenceNumber) { $0.integer($1) }
            json.name("title")
            json.optional(title) { $0.string($1) }
            json.name("body")
            json.optional(body) { $0.string($1) }
            json.name("count")
            json.integer(message.count)
            json.name("badge")
            json.optional(badge) { $0.integer($1) }
        }
        return json.bytes
    }

    private static func json(_ read: PushRead, badge: Int64?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            read.writeNames(to: &json)
            json.name("last_read_sequence")
            json.integer(read.lastReadSequence)
            json.name("badge")
            json.optional(badge) { $0.integer($1) }
        }
        return json.bytes
    }
}
