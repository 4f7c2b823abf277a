/// What a connected client is told without having asked: one case for each `type` of docs/SOCKET.md. The same JSON goes
/// over a WebSocket and as server-sent events.
public enum Event: Sendable, Equatable {
    case hello(Hello)
    /// A stored message. A conversation's messages come in the order of their numbers, each once.
    case message(EnrichedMessage)
    case conversation(ConversationChange)
    case participant(ParticipantChange)
    /// The user's own mute, for all of the user's devices.
    case mute(ConversationID, MuteState)
    /// The user's own level, likewise.
    case notificationLevel(ConversationID, NotificationLevel)
    case read(ReadMarker)
    case delivered(DeliveredMarker)
    /// Instead of single markers in large groups.
    case receipts(ReceiptCounts)
    case typing(ConversationID, UserID, isTyping: Bool)
    case presence(UserID, PresenceState)
    /// This reader is slow: messages up to that number exist and follow as soon as it reads.
    case behind(ConversationID, sequenceNumber: Int64)
    /// More was missed than the client wanted replayed: what lies above `after`, up to `through`, is to be read over REST.
    case skipped(ConversationID, after: Int64, through: Int64)
    /// Everything that was missed when the client subscribed has been sent.
    case caughtUp(cursor: String)
    case heartbeat(Heartbeat)
    /// The server stops; come back after that delay.
    case goingAway(reconnectAfterMilliseconds: Int64)
    /// The last event of a stream of server-sent events: what a close frame says on a WebSocket.
    case closing(code: Int64, reason: String)

    /// The word in `type`.
    public var type: String {
        switch self {
        case .hello: "hello"
        case .message: "message"
        case .conversation: "conversation"
        case .participant: "participant"
        case .mute: "mute"
        case .notificationLevel: "notification_level"
        case .read: "read"
        case .delivered: "delivered"
        case .receipts: "receipts"
        case .typing: "typing"
        case .presence: "presence"
        case .behind: "behind"
        case .skipped: "skipped"
        case .caughtUp: "caught_up"
        case .heartbeat: "heartbeat"
        case .goingAway: "going_away"
        case .closing: "closing"
        }
    }
}

/// The server's first words on a connection.
public struct Hello: Sendable, Equatable {
    /// What a client may do and expect; each is a number that the server enforces.
    public struct Limits: Sendable, Equatable {
        /// Bytes of one message of the client.
        public var frameBytes: Int64
        /// Bytes that may wait for a slow reader before position hints take the place of events.
        public var outboundBytes: Int64
        public var commandsPerSecond: Int64
        /// Positions in one `subscribe`.
        public var positions: Int64
        /// Conversations of one connection.
        public var subscriptions: Int64
        /// Users whose presence one connection watches.
        public var presenceUsers: Int64
        public var socketsPerUser: Int64
        /// Participants above which receipts are counts and typing is not told.
        public var receiptsParticipants: Int64
        public var typingIntervalMilliseconds: Int64

        public init(
            frameBytes: Int64, outboundBytes: Int64, commandsPerSecond: Int64, positions: Int64, subscriptions: Int64,
            presenceUsers: Int64, socketsPerUser: Int64, receiptsParticipants: Int64, typingIntervalMilliseconds: Int64
        ) {
            self.frameBytes = frameBytes
            self.outboundBytes = outboundBytes
            self.commandsPerSecond = commandsPerSecond
            self.positions = positions
            self.subscriptions = subscriptions
            self.presenceUsers = presenceUsers
            self.socketsPerUser = socketsPerUser
            self.receiptsParticipants = receiptsParticipants
            self.typingIntervalMilliseconds = typingIntervalMilliseconds
        }
    }

    /// Names the connection, for logs.
    public let session: String
    /// Set when the handshake carried a good token.
    public let userID: UserID?
    public let heartbeatIntervalMilliseconds: Int64
    public let limits: Limits
    public let serverTime: Timestamp

    public init(session: String, userID: UserID?, heartbeatIntervalMilliseconds: Int64, limits: Limits, serverTime: Timestamp) {
        self.session = session
        self.userID = userID
        self.heartbeatIntervalMilliseconds = heartbeatIntervalMilliseconds
        self.limits = limits
        self.serverTime = serverTime
    }
}

/// A conversation that came, went or changed.
public enum ConversationChange: Sendable, Equatable {
    /// The user is in it since a moment ago, or it is new to the client: the whole view, as of `at`.
    case added(ConversationView, at: Timestamp)
    /// The whole view once more, where it is not known what the client has missed.
    case refreshed(ConversationView, at: Timestamp)
    /// What everybody sees of it has changed.
    case updated(ConversationID, ConversationStamp)
    /// The user is no longer in it; no events of it follow.
    case removed(ConversationID)

    public var conversationID: ConversationID {
        switch self {
        case .added(let view, _), .refreshed(let view, _): view.conversation.id
        case .updated(let id, _), .removed(let id): id
        }
    }
}

/// What everybody sees of a conversation beside its messages, with the number of its change.
public struct ConversationStamp: Sendable, Equatable {
    /// Counts the changes of title and participants; a change with a lower number than one's own is old news.
    public let version: Int64
    public let title: String?
    public let participantCount: Int64

    public init(version: Int64, title: String?, participantCount: Int64) {
        self.version = version
        self.title = title
        self.participantCount = participantCount
    }
}

/// Somebody joined, left, or has another role.
public struct ParticipantChange: Sendable, Equatable {
    public enum Kind: String, Sendable, CaseIterable {
        case joined, left, role
    }

    public let conversationID: ConversationID
    public let userID: UserID
    public let kind: Kind
    /// Nil for who has left.
    public let role: Role?
    public let participantCount: Int64
    public let version: Int64

    public init(conversationID: ConversationID, userID: UserID, kind: Kind, role: Role?, participantCount: Int64, version: Int64) {
        self.conversationID = conversationID
        self.userID = userID
        self.kind = kind
        self.role = role
        self.participantCount = participantCount
        self.version = version
    }
}

/// A participant has read up to here.
public struct ReadMarker: Sendable, Equatable {
    public let conversationID: ConversationID
    public let userID: UserID
    public let sequenceNumber: Int64
    /// Only for the user's own marker: what is left, and through which message that is counted.
    public let own: OwnCount?

    public struct OwnCount: Sendable, Equatable {
        public let unreadCount: Int64
        public let lastSequence: Int64

        public init(unreadCount: Int64, lastSequence: Int64) {
            self.unreadCount = unreadCount
            self.lastSequence = lastSequence
        }
    }

    public init(conversationID: ConversationID, userID: UserID, sequenceNumber: Int64, own: OwnCount? = nil) {
        self.conversationID = conversationID
        self.userID = userID
        self.sequenceNumber = sequenceNumber
        self.own = own
    }
}

/// A participant's device has received everything up to here.
public struct DeliveredMarker: Sendable, Equatable {
    public let conversationID: ConversationID
    public let userID: UserID
    public let sequenceNumber: Int64

    public init(conversationID: ConversationID, userID: UserID, sequenceNumber: Int64) {
        self.conversationID = conversationID
        self.userID = userID
        self.sequenceNumber = sequenceNumber
    }
}

/// How many participants have read, and received, a message and all before it.
public struct ReceiptCounts: JSONEncodable, Equatable {
    public let sequenceNumber: Int64
    public let readCount: Int64
    public let deliveredCount: Int64
    /// Set in events; the REST answer knows it from its path.
    public let conversationID: ConversationID?

    public init(sequenceNumber: Int64, readCount: Int64, deliveredCount: Int64, conversationID: ConversationID? = nil) {
        self.sequenceNumber = sequenceNumber
        self.readCount = readCount
        self.deliveredCount = deliveredCount
        self.conversationID = conversationID
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in writeMembers(to: &json) }
    }

    func writeMembers(to json: inout JSONWriter) {
        if let conversationID {
            json.name("conversation_id")
            json.id(conversationID)
        }
        json.name("sequence_number")
        json.integer(sequenceNumber)
        json.name("read_count")
        json.integer(readCount)
        json.name("delivered_count")
        json.integer(deliveredCount)
    }
}

/// Sent at every interval, so that silence means a dead connection and a lost tail shows.
public struct Heartbeat: Sendable, Equatable {
    public let serverTime: Timestamp
    /// Where to resume from; nil while something older is still being sent.
    public let cursor: String?
    /// The newest number of each conversation that changed since the last beat.
    public let sequences: [ConversationID: Int64]

    public init(serverTime: Timestamp, cursor: String?, sequences: [ConversationID: Int64]) {
        self.serverTime = serverTime
        self.cursor = cursor
        self.sequences = sequences
    }
}
