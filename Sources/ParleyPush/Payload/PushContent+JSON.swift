public import ParleyModel

// What an app reads first of whatever it is sent, the same words for every push service: what it is, and of which things.

extension PushMessage {
    public func writeNames(to json: inout JSONWriter) {
        json.name("type")
        json.string("message")
        json.name("message_id")
        json.id(messageID)
        json.name("conversation_id")
        json.id(conversationID)
        json.name("sender_id")
        json.id(senderID)
    }
}

extension PushRead {
    public func writeNames(to json: inout JSONWriter) {
        json.name("type")
        json.string("read")
        json.name("conversation_id")
        json.id(conversationID)
    }
}
