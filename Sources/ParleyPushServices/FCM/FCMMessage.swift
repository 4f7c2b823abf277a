import ParleyModel
import ParleyPush

/// The body of `messages:send`.
struct FCMMessage {
    /// Google's limit, for what goes to the app. Here everything but the device's token counts, which is a little more.
    static let maxBytes = 4096
    static let maxTitleBytes = 1024
    /// Google keeps nothing for longer: four weeks.
    static let maxLifetimeSeconds: Int64 = 2_419_200

    let form: FCMConfiguration.Form
    let channelID: String?
    let genericAlert: GenericAlert
    let now: Timestamp

    /// Texts are cut where the limit asks for it.
    func bytes(_ notification: PushNotification, token: String) -> [UInt8] {
        guard case .message(let message) = notification.content else { return encoded(notification, token: token, title: nil, text: nil) }
        let limit = Self.maxBytes + EncodedText.byteCount(token.utf8)
        let whole = encoded(notification, token: token, title: message.title, text: message.text)
        guard whole.count > limit else { return whole }
        let title = message.title.map { EncodedText.cut($0, toBytes: Self.maxTitleBytes) }
        let withTitle = encoded(notification, token: token, title: title, text: message.text)
        guard let text = message.text, withTitle.count > limit else { return withTitle }
        let room = EncodedText.byteCount(text.utf8) - (withTitle.count - limit)
        return encoded(notification, token: token, title: title, text: EncodedText.cut(text, toBytes: room))
    }

    private func encoded(_ notification: PushNotification, token: String, title: String?, text: String?) -> [UInt8] {
        var json = JSONWriter()
        json.object { json in
            json.name("message")
            json.object { json in
                json.name("token")
                json.string(token)
                json.name("data")
                writeData(notification, title: title, text: text, to: &json)
                if case .message(let message) = notification.content, form == .notification {
                    json.name("notification")
                    writeAlert(title: title, text: text, count: message.count, to: &json)
                }
                json.name("android")
                writeAndroid(notification, hasText: text != nil, to: &json)
            }
        }
        return json.bytes
    }

    /// Values are strings, whatever they mean: FCM takes no others.
    private func writeData(_ notification: PushNotification, title: String?, text: String?, to json: inout JSONWriter) {
        json.object { json in
            switch notification.content {
            case .message(let message):
                message.writeNames(to: &json)
                json.writeIfThere(message.sequenceNumber, "sequence_number") { $0.string("\($1)") }
                json.name("count")
                json.string("\(message.count)")
                if form == .data {
                    json.writeIfThere(title, "title") { $0.string($1) }
                    json.writeIfThere(text, "text") { $0.string($1) }
                }
            case .read(let read):
                read.writeNames(to: &json)
                json.name("last_read_sequence")
                json.string("\(read.lastReadSequence)")
            }
            json.writeIfThere(notification.badge, "badge") { $0.string("\($1)") }
        }
    }

    private func writeAlert(title: String?, text: String?, count: Int, to json: inout JSONWriter) {
        json.object { json in
            json.writeIfThere(title, "title") { $0.string($1) }
            if text != nil || genericAlert.localizationKey == nil {
                json.name("body")
                json.string(text ?? genericAlert.text(count: count))
            }
        }
    }

    private func writeAndroid(_ notification: PushNotification, hasText: Bool, to json: inout JSONWriter) {
        json.object { json in
            json.name("priority")
            json.string(notification.fcmPriority)
            json.name("ttl")
            json.string("\(lifetimeSeconds(notification))s")
            json.writeIfThere(notification.fcmCollapseKey, "collapse_key") { $0.string($1) }
            guard case .message(let message) = notification.content, form == .notification else { return }
            json.name("notification")
            json.object { json in
                json.name("tag")
                json.string(message.fcmTag)
                json.writeIfThere(channelID, "channel_id") { $0.string($1) }
                if !hasText, let key = genericAlert.localizationKey {
                    json.name("body_loc_key")
                    json.string(key)
                    json.name("body_loc_args")
                    json.array(["\(message.count)"]) { $0.string($1) }
                }
            }
        }
    }

    private func lifetimeSeconds(_ notification: PushNotification) -> Int64 {
        min(max(0, Int64(notification.expiresAt.seconds(since: now))), Self.maxLifetimeSeconds)
    }
}

extension PushNotification {
    /// High wakes a sleeping device: only for what a person sees.
    fileprivate var fcmPriority: String {
        switch content {
        case .message: "HIGH"
        case .read: "NORMAL"
        }
    }

    /// What waits for a device that is away and is made pointless by this. A summary takes the place of the conversation's
    /// earlier one, and so does what was read elsewhere. Single messages take nobody's place: FCM keeps four keys a device.
    fileprivate var fcmCollapseKey: String? {
        switch content {
        case .message(let message): message.count > 1 ? message.conversationID.description : nil
        case .read(let read): read.conversationID.description
        }
    }
}

extension PushMessage {
    /// Alerts with the same tag take each other's place: those of a repeated message, and the conversation's summaries.
    fileprivate var fcmTag: String { count > 1 ? conversationID.description : messageID.description }
}
