/// What a message is: one of the known types or a custom one.
public struct MessageType: RawRepresentable, Hashable, Sendable {
    public let rawValue: String

    /// Nil unless the name has the form `^[a-z][a-z0-9_.-]{0,31}$`, which the known types have too.
    public init?(rawValue: String) {
        let bytes = rawValue.utf8
        guard bytes.count <= 32, let first = bytes.first, (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(first),
            bytes.allSatisfy(Self.isAllowed)
        else { return nil }
        self.rawValue = rawValue
    }

    private init(known: String) { rawValue = known }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."),
            UInt8(ascii: "-"):
            true
        default: false
        }
    }

    public static let text = MessageType(known: "text")
    public static let image = MessageType(known: "image")
    public static let video = MessageType(known: "video")
    public static let audio = MessageType(known: "audio")
    public static let document = MessageType(known: "document")
    public static let location = MessageType(known: "location")
    public static let contact = MessageType(known: "contact")

    /// Image, video, audio and document: types that show media.
    public var showsMedia: Bool { self == .image || self == .video || self == .audio || self == .document }
}

/// A stored message: immutable, durable, with its place in the conversation.
public struct Message: Sendable, Equatable {
    public let id: MessageID
    public let conversationID: ConversationID
    public let senderID: UserID
    /// The sender's own key for the message; nil when it was sent without one.
    public let clientMessageID: String?
    public let messageType: MessageType
    public let content: String
    public let mediaIDs: [MediaID]
    /// 1, 2, 3, … within the conversation, without holes.
    public let sequenceNumber: Int64
    public let createdAt: Timestamp

    public init(
        id: MessageID, conversationID: ConversationID, senderID: UserID, clientMessageID: String?, messageType: MessageType,
        content: String, mediaIDs: [MediaID], sequenceNumber: Int64, createdAt: Timestamp
    ) {
        self.id = id
        self.conversationID = conversationID
        self.senderID = senderID
        self.clientMessageID = clientMessageID
        self.messageType = messageType
        self.content = content
        self.mediaIDs = mediaIDs
        self.sequenceNumber = sequenceNumber
        self.createdAt = createdAt
    }
}

/// A message with the metadata of its media: what the API answers and what the event bus carries.
public struct EnrichedMessage: JSONEncodable, Equatable {
    public let message: Message
    /// In the order of `message.mediaIDs`.
    public let media: [Media]

    public init(message: Message, media: [Media]) {
        self.message = message
        self.media = media
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("id")
            json.id(message.id)
            json.name("conversation_id")
            json.id(message.conversationID)
            json.name("sender_id")
            json.id(message.senderID)
            json.name("client_message_id")
            json.optional(message.clientMessageID) { $0.string($1) }
            json.name("message_type")
            json.string(message.messageType.rawValue)
            json.name("content")
            json.string(message.content)
            json.name("media_ids")
            json.array(message.mediaIDs) { $0.id($1) }
            json.name("media")
            json.array(media) { $1.write(to: &$0) }
            json.name("sequence_number")
            json.integer(message.sequenceNumber)
            json.name("created_at")
            json.timestamp(message.createdAt)
        }
    }
}

/// One page of a conversation's history.
public struct MessagePage: JSONEncodable, Equatable {
    /// Ascending by sequence number.
    public let messages: [EnrichedMessage]
    /// Whether there are more messages in the direction of the query.
    public let hasMore: Bool
    /// The conversation's highest number when the page was read.
    public let lastSequence: Int64

    public init(messages: [EnrichedMessage], hasMore: Bool, lastSequence: Int64) {
        self.messages = messages
        self.hasMore = hasMore
        self.lastSequence = lastSequence
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("messages")
            json.array(messages) { $1.write(to: &$0) }
            json.name("has_more")
            json.bool(hasMore)
            json.name("last_sequence")
            json.integer(lastSequence)
        }
    }
}
