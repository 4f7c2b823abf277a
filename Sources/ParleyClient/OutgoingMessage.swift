public import ParleyModel

/// A message to be sent.
public struct OutgoingMessage: Sendable, Equatable {
    public var conversationID: ConversationID
    public var messageType: MessageType
    public var content: String
    /// Media that the sender owns, at most 10; see ``ParleyClient/createMedia(_:)``.
    public var mediaIDs: [MediaID]
    /// The sender's own key: a message sent twice with the same key is stored once. It is made here, so that sending
    /// again after a lost connection is safe; keep it to send again after a restart of the program.
    public var clientMessageID: String

    public init(
        to conversationID: ConversationID, _ content: String, type: MessageType = .text, mediaIDs: [MediaID] = [],
        clientMessageID: String? = nil
    ) {
        self.conversationID = conversationID
        self.content = content
        messageType = type
        self.mediaIDs = mediaIDs
        self.clientMessageID = clientMessageID ?? MediaID.random().description
    }

    /// Its members in a JSON object: the same over the socket and over REST.
    func write(to json: inout JSONWriter) {
        json.name("conversation_id")
        json.id(conversationID)
        json.name("message_type")
        json.string(messageType.rawValue)
        json.name("content")
        json.string(content)
        json.name("media_ids")
        json.array(mediaIDs) { $0.id($1) }
        json.name("client_message_id")
        json.string(clientMessageID)
    }
}
