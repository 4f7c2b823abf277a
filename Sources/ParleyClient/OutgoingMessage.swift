public import ParleyModel

/// A message to be sent.
public struct OutgoingMessage: Sendable, Equatable {
    public var conversationID: ConversationID
    public var messageType: MessageType
    public var content: String
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
}
