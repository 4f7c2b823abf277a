public enum ConversationType: String, Sendable {
    case direct, group
}

/// What a participant may do; the table is in docs/PERMISSIONS.md.
public enum Role: String, Sendable, CaseIterable {
    case owner, admin, member
    case readOnly = "read_only"
}

/// A conversation as everybody in it sees it.
public struct Conversation: Sendable, Equatable {
    public let id: ConversationID
    public let type: ConversationType
    public let title: String?
    public let createdBy: UserID
    public let createdAt: Timestamp
    /// The two users of a direct conversation, the lower id first; empty for a group.
    public let directUserIDs: [UserID]
    public let participantCount: Int64
    public let lastMessage: LastMessage?
    /// The highest sequence number; 0 before the first message.
    public let lastSequence: Int64
    /// Counts the changes of title and participants.
    public let version: Int64

    public init(
        id: ConversationID, type: ConversationType, title: String?, createdBy: UserID, createdAt: Timestamp,
        directUserIDs: [UserID], participantCount: Int64, lastMessage: LastMessage?, lastSequence: Int64, version: Int64
    ) {
        self.id = id
        self.type = type
        self.title = title
        self.createdBy = createdBy
        self.createdAt = createdAt
        self.directUserIDs = directUserIDs
        self.participantCount = participantCount
        self.lastMessage = lastMessage
        self.lastSequence = lastSequence
        self.version = version
    }

    public var stamp: ConversationStamp { ConversationStamp(version: version, title: title, participantCount: participantCount) }
}

/// What a conversation says of its highest message.
public struct LastMessage: Sendable, Equatable {
    public let id: MessageID
    public let at: Timestamp
    public let preview: String

    public init(id: MessageID, at: Timestamp, preview: String) {
        self.id = id
        self.at = at
        self.preview = preview
    }
}

/// Whether, and until when, a participant gets no notifications of a conversation.
public enum Mute: Sendable, Equatable {
    case off
    case forever
    case until(Timestamp)

    public func isMuted(at now: Timestamp) -> Bool {
        switch self {
        case .off: false
        case .forever: true
        case .until(let end): now < end
        }
    }
}

/// The caller's own mute, as answered by the mute routes.
public struct MuteState: JSONEncodable, Equatable {
    public let muted: Bool
    public let until: Timestamp?

    public init(_ mute: Mute, at now: Timestamp) {
        muted = mute.isMuted(at: now)
        if case .until(let end) = mute, muted { until = end } else { until = nil }
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in writeMembers(to: &json) }
    }

    func writeMembers(to json: inout JSONWriter) {
        json.name("muted")
        json.bool(muted)
        json.name("muted_until")
        json.optional(until) { $0.timestamp($1) }
    }
}

/// A user in a conversation.
public struct Participant: JSONEncodable, Equatable {
    public let userID: UserID
    public let role: Role
    public let joinedAt: Timestamp
    public let lastReadSequence: Int64
    /// What one of the user's devices has received; never below what was read.
    public let lastDeliveredSequence: Int64

    public init(userID: UserID, role: Role, joinedAt: Timestamp, lastReadSequence: Int64, lastDeliveredSequence: Int64) {
        self.userID = userID
        self.role = role
        self.joinedAt = joinedAt
        self.lastReadSequence = lastReadSequence
        self.lastDeliveredSequence = lastDeliveredSequence
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in
            json.name("user_id")
            json.id(userID)
            json.name("role")
            json.string(role.rawValue)
            json.name("joined_at")
            json.timestamp(joinedAt)
            json.name("last_read_sequence")
            json.integer(lastReadSequence)
            json.name("last_delivered_sequence")
            json.integer(lastDeliveredSequence)
        }
    }
}

/// Where a participant has read to, and what is left.
public struct ReadState: JSONEncodable, Equatable {
    public let lastReadSequence: Int64
    /// Messages after the marker, up to `lastSequence`, that others sent.
    public let unreadCount: Int64
    /// The conversation's highest number when the count was taken.
    public let lastSequence: Int64

    public init(lastReadSequence: Int64, unreadCount: Int64, lastSequence: Int64) {
        self.lastReadSequence = lastReadSequence
        self.unreadCount = unreadCount
        self.lastSequence = lastSequence
    }

    public func write(to json: inout JSONWriter) {
        json.object { json in writeMembers(to: &json) }
    }

    public func writeMembers(to json: inout JSONWriter) {
        json.name("last_read_sequence")
        json.integer(lastReadSequence)
        json.name("unread_count")
        json.integer(unreadCount)
        json.name("last_sequence")
        json.integer(lastSequence)
    }
}

/// A conversation as one participant sees it: with their role, mute, marker and unread count.
public struct ConversationView: Sendable, Equatable {
    public let conversation: Conversation
    public let role: Role
    public let mute: Mute
    public let notificationLevel: NotificationLevel
    public let readState: ReadState

    public init(
        conversation: Conversation, role: Role, mute: Mute, notificationLevel: NotificationLevel = .all, readState: ReadState
    ) {
        self.conversation = conversation
        self.role = role
        self.mute = mute
        self.notificationLevel = notificationLevel
        self.readState = readState
    }

    /// The JSON form depends on the moment: a mute that has ended is no mute.
    public func write(to json: inout JSONWriter, at now: Timestamp) {
        json.object { json in
            json.name("id")
            json.id(conversation.id)
            json.name("type")
            json.string(conversation.type.rawValue)
            json.name("title")
            json.optional(conversation.title) { $0.string($1) }
            json.name("created_by")
            json.id(conversation.createdBy)
            json.name("created_at")
            json.timestamp(conversation.createdAt)
            json.name("participant_ids")
            json.optional(conversation.type == .direct ? conversation.directUserIDs : nil) { json, ids in
                json.array(ids) { $0.id($1) }
            }
            json.name("participant_count")
            json.integer(conversation.participantCount)
            json.name("role")
            json.string(role.rawValue)
            MuteState(mute, at: now).writeMembers(to: &json)
            notificationLevel.writeMember(to: &json)
            json.name("last_message_id")
            json.optional(conversation.lastMessage) { $0.id($1.id) }
            json.name("last_message_at")
            json.optional(conversation.lastMessage) { $0.timestamp($1.at) }
            json.name("last_message_preview")
            json.optional(conversation.lastMessage) { $0.string($1.preview) }
            json.name("last_sequence")
            json.integer(conversation.lastSequence)
            json.name("unread_count")
            json.integer(readState.unreadCount)
            json.name("last_read_sequence")
            json.integer(readState.lastReadSequence)
            json.name("version")
            json.integer(conversation.version)
        }
    }
}
