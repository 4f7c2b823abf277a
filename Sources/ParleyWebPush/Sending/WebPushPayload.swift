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
            let title = message.title.map { cut($0, toBytes: message.text == nil ? room : room / titleShare) }
            let body = message.text.map { cut($0, toBytes: room - (title.map(length) ?? 0)) }
            return json(message, title: title, body: body, badge: notification.badge)
        }
    }

    private static func json(_ message: PushMessage, title: String?, body: String?, badge: Int64?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("type")
            json.string("message")
            json.name("message_id")
            json.id(message.messageID)
            json.name("conversation_id")
            json.id(message.conversationID)
            json.name("sender_id")
            json.id(message.senderID)
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
            json.name("type")
            json.string("read")
            json.name("conversation_id")
            json.id(read.conversationID)
            json.name("last_read_sequence")
            json.integer(read.lastReadSequence)
            json.name("badge")
            json.optional(badge) { $0.integer($1) }
        }
        return json.bytes
    }

    // MARK: Cutting

    private static let ellipsis: Character = "…"

    /// The longest beginning, of whole characters and with an ellipsis, whose JSON takes no more bytes than that, quotes left out.
    static func cut(_ text: String, toBytes limit: Int) -> String {
        guard length(text) > limit else { return text }
        var room = limit - length(String(ellipsis))
        guard room >= 0 else { return "" }
        var kept = ""
        for character in text {
            room -= length(String(character))
            guard room >= 0 else { break }
            kept.append(character)
        }
        kept.append(ellipsis)
        return kept
    }

    /// The bytes of a text in JSON, without its quotes.
    private static func length(_ text: String) -> Int {
        var json = JSONWriter(capacity: text.utf8.count + 16)
        json.string(text)
        return json.bytes.count - 2
    }
}
