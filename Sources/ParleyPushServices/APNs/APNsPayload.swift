import ParleyModel
import ParleyPush

/// The JSON that a device is sent.
struct APNsPayload {
    /// Apple's limit.
    static let maxBytes = 4096
    /// What a title may take when there is not room for everything.
    static let maxTitleBytes = 1024

    let genericAlert: GenericAlert
    let sound: String?

    /// Never more than ``maxBytes``: texts are cut, the longer one first.
    func bytes(_ notification: PushNotification) -> [UInt8] {
        switch notification.content {
        case .read(let read): return encoded(read, badge: notification.badge)
        case .message(let message):
            let whole = encoded(message, title: message.title, text: message.text, badge: notification.badge)
            guard whole.count > Self.maxBytes else { return whole }
            let title = message.title.map { EncodedText.cut($0, toBytes: Self.maxTitleBytes) }
            let withTitle = encoded(message, title: title, text: message.text, badge: notification.badge)
            guard let text = message.text, withTitle.count > Self.maxBytes else { return withTitle }
            let room = EncodedText.byteCount(text.utf8) - (withTitle.count - Self.maxBytes)
            return encoded(message, title: title, text: EncodedText.cut(text, toBytes: room), badge: notification.badge)
        }
    }

    private func encoded(_ message: PushMessage, title: String?, text: String?, badge: Int64?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("aps")
            json.object { json in
                json.name("alert")
                write(title: title, text: text, count: message.count, to: &json)
                json.name("thread-id")
                json.id(message.conversationID)
                json.writeIfThere(badge, "badge") { $0.integer($1) }
                json.writeIfThere(sound, "sound") { $0.string($1) }
                // The app's extension may fetch, or decrypt, what is not said here.
                if text == nil {
                    json.name("mutable-content")
                    json.integer(1)
                }
            }
            message.writeNames(to: &json)
            json.writeIfThere(message.sequenceNumber, "sequence_number") { $0.integer($1) }
            json.name("count")
            json.integer(message.count)
        }
        return json.bytes
    }

    private func write(title: String?, text: String?, count: Int, to json: inout JSONWriter) {
        json.object { json in
            json.writeIfThere(title, "title") { $0.string($1) }
            if let text {
                json.name("body")
                json.string(text)
            } else if let key = genericAlert.localizationKey {
                json.name("loc-key")
                json.string(key)
                json.name("loc-args")
                json.array(["\(count)"]) { $0.string($1) }
            } else {
                json.name("body")
                json.string(genericAlert.text(count: count))
            }
        }
    }

    private func encoded(_ read: PushRead, badge: Int64?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("aps")
            json.object { json in
                json.name("content-available")
                json.integer(1)
                json.writeIfThere(badge, "badge") { $0.integer($1) }
            }
            read.writeNames(to: &json)
            json.name("last_read_sequence")
            json.integer(read.lastReadSequence)
        }
        return json.bytes
    }
}

extension JSONWriter {
    /// A member, unless the value is nil.
    mutating func writeIfThere<Value>(_ value: Value?, _ name: StaticString, _ write: (inout JSONWriter, Value) -> Void) {
        guard let value else { return }
        self.name(name)
        write(&self, value)
    }
}
