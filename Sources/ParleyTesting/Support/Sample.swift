public import ParleyCore
public import ParleyModel

/// Values for tests, in which only what a test is about needs to be said.
public enum Sample {
    /// 2026-01-01T00:00:00.000Z
    public static let start = Timestamp(milliseconds: 1_767_225_600_000)

    public static func time(_ secondsFromStart: Double) -> Timestamp { start.advanced(bySeconds: secondsFromStart) }

    public static func users(_ count: Int) -> [UserID] { (0..<count).map { _ in .random() } }

    public static func messageID() -> MessageID {
        MessageID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))
    }

    public static func draft(
        in conversation: ConversationID, from sender: UserID, _ content: String = "Hello", key: String? = nil,
        type: MessageType = .text, mediaIDs: [MediaID] = [], at time: Timestamp = start
    ) -> NewMessage {
        NewMessage(
            id: messageID(), conversationID: conversation, senderID: sender, clientMessageID: key, messageType: type,
            content: content, mediaIDs: mediaIDs, createdAt: time, preview: preview(of: content))
    }

    /// Not the product's rule, only a short text that follows from the content.
    public static func preview(of content: String) -> String { String(content.prefix(20)) }

    public static func media(owner: UserID, kind: MediaKind = .image, name: String = "cat.jpg", size: Int64 = 1024) -> Media {
        Media(
            id: .random(), ownerID: owner, kind: kind, name: name, size: size, contentType: "image/jpeg",
            url: "https://media.example/cat.jpg", width: 640, height: 480, durationMilliseconds: nil, createdAt: start)
    }

    public static func device(_ address: PushAddress, of user: UserID, name: String? = nil, at time: Timestamp = start) -> Device {
        Device(id: .random(), userID: user, address: address, name: name, createdAt: time)
    }

    public static func webPush(_ endpoint: String, p256dh: String = "BNcRd", auth: String = "tBHI") -> PushAddress {
        .webPush(WebPushSubscription(endpoint: endpoint, p256dh: p256dh, auth: auth))
    }

    public static func job(
        for recipients: [UserID] = users(1), messageID: MessageID = messageID(), part: Int = 0, preview: String = "Hello"
    ) -> PushJob {
        PushJob(
            messageID: messageID, conversationID: .random(), senderID: .random(), sequenceNumber: 7, recipients: recipients,
            messagePreview: preview, createdAt: start, part: part)
    }
}
