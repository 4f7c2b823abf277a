public import ParleyModel

/// What a client asks to send, not yet checked.
public struct MessageDraft: Sendable, Equatable {
    public var conversationID: ConversationID?
    public var senderID: UserID?
    public var messageType: String?
    public var content: String
    public var mediaIDs: [MediaID]
    public var clientMessageID: String?

    public init(
        conversationID: ConversationID?, senderID: UserID? = nil, messageType: String?, content: String = "", mediaIDs: [MediaID] = [],
        clientMessageID: String? = nil
    ) {
        self.conversationID = conversationID
        self.senderID = senderID
        self.messageType = messageType
        self.content = content
        self.mediaIDs = mediaIDs
        self.clientMessageID = clientMessageID
    }

    /// Reads a request's body or a `send` command. `conversationID` is the one of the path, if the path has one; it wins
    /// over the body's.
    public init(_ body: JSONObject, conversationID: ConversationID? = nil) throws(FieldError) {
        if let conversationID {
            self.conversationID = conversationID
        } else {
            self.conversationID = try body.id("conversation_id")
        }
        senderID = try body.id("sender_id")
        messageType = try body.string("message_type")
        content = try body.string("content") ?? ""
        mediaIDs = try body.ids("media_ids")
        clientMessageID = try body.string("client_message_id")
    }
}
