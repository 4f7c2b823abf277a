public import ParleyModel

/// The bounds of a message.
public enum MessageLimits {
    /// Code points, as JSON Schema's `maxLength` counts.
    public static let contentLength = 10_000
    public static let clientMessageIDLength = 64
    public static let mediaCount = 10
}

/// A draft whose form is right: step 1 of a create. Whether the sender may write there, and whether the media exist, is
/// asked afterwards.
public struct CheckedDraft: Sendable, Equatable {
    public let conversationID: ConversationID
    public let senderID: UserID
    public let messageType: MessageType
    public let content: String
    public let mediaIDs: [MediaID]
    public let clientMessageID: String?

    /// Throws the first thing that is wrong. Nothing is touched.
    public init(_ draft: MessageDraft, from caller: Caller) throws(ParleyError) {
        guard let conversationID = draft.conversationID else { throw ParleyError(.missing("conversation_id")) }
        self.conversationID = conversationID
        senderID = try Self.sender(of: draft, from: caller)
        guard let typeName = draft.messageType else { throw ParleyError(.missing("message_type")) }
        guard let messageType = MessageType(rawValue: typeName) else {
            throw .invalid("message_type", "must be one of the known types or match ^[a-z][a-z0-9_.-]{0,31}$")
        }
        self.messageType = messageType
        content = try Self.checked(draft.content, of: messageType, hasMedia: !draft.mediaIDs.isEmpty)
        mediaIDs = try Self.checked(draft.mediaIDs)
        clientMessageID = try draft.clientMessageID.map { key throws(ParleyError) in try Self.checked(key: key) }
    }

    private static func sender(of draft: MessageDraft, from caller: Caller) throws(ParleyError) -> UserID {
        if caller.isService {
            guard let sender = draft.senderID ?? caller.userID else { throw ParleyError(.missing("sender_id")) }
            return sender
        }
        guard let user = caller.userID else { throw ParleyError(.missing("sender_id")) }
        guard draft.senderID == nil || draft.senderID == user else {
            throw ParleyError(.senderMismatch, "sender_id must be the token's user")
        }
        return user
    }

    private static func checked(_ content: String, of type: MessageType, hasMedia: Bool) throws(ParleyError) -> String {
        try checkText(content, "content", length: MessageLimits.contentLength)
        if type == .text || type == .location || type == .contact {
            guard !content.isEmpty else { throw .invalid("content", "must not be empty for this message_type") }
        }
        if type.showsMedia {
            guard hasMedia || !content.isEmpty else { throw .invalid("media_ids", "or content must be given for this message_type") }
        }
        return content
    }

    private static func checked(_ mediaIDs: [MediaID]) throws(ParleyError) -> [MediaID] {
        guard mediaIDs.count <= MessageLimits.mediaCount else {
            throw .invalid("media_ids", "may hold at most \(MessageLimits.mediaCount) ids")
        }
        guard Set(mediaIDs).count == mediaIDs.count else { throw .invalid("media_ids", "must not repeat an id") }
        return mediaIDs
    }

    private static func checked(key: String) throws(ParleyError) -> String {
        guard !key.isEmpty else { throw .invalid("client_message_id", "must not be empty") }
        try checkText(key, "client_message_id", length: MessageLimits.clientMessageIDLength)
        return key
    }

    /// Whether a stored message says the same as this draft; the question behind `client_message_id_reused`. Compared by
    /// code points, so that two spellings of one character count as different texts.
    public func says(thatOf message: Message) -> Bool {
        message.messageType == messageType && message.mediaIDs == mediaIDs
            && message.content.unicodeScalars.elementsEqual(content.unicodeScalars)
    }
}

/// Checks a text's length in code points and that it holds no U+0000, which not every store can keep.
public func checkText(_ text: String, _ field: String, length: Int) throws(ParleyError) {
    guard text.utf8.count <= length || text.unicodeScalars.count <= length else {
        throw .invalid(field, "may have at most \(length) characters")
    }
    guard !text.utf8.contains(0) else { throw .invalid(field, "must not contain U+0000") }
}

extension ParleyError {
    public static func invalid(_ field: String, _ reason: String) -> ParleyError {
        ParleyError(FieldError.invalid(field, reason: reason))
    }
}
