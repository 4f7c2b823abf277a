import ParleyModel

/// Messages, conversations, media, devices and alerts in memory: the shortest statement of what the store ports mean. The actor
/// is what makes each method one atomic step; nothing survives the process.
///
/// It is one actor because the ports look at each other's facts: an append must know its conversation, unread counts and
/// uses of media come from the messages, and what is read takes alerts back.
public actor InMemoryStore {
    var conversations: [ConversationID: ConversationRecord] = [:]
    var directs: [Set<UserID>: ConversationID] = [:]
    var media: [MediaID: Media] = [:]
    /// In the order of registration.
    var devices: [Device] = []
    var ledger = LedgerRecords()
    var attendances: [AttendanceKey: AttendanceRecord] = [:]
    /// Every message in the order of storing; position n is element n - 1.
    var log: [Message] = []
    var mark = LogPosition.start
    /// Counts the changes of activity, so that a list can be ordered as it was when its first page was read.
    var activityClock: Int64 = 0

    public init() {}
}

struct ConversationRecord {
    let id: ConversationID
    let type: ConversationType
    var title: String?
    let createdBy: UserID
    let createdAt: Timestamp
    let directUserIDs: [UserID]
    var participants: [UserID: ParticipantRecord]
    /// Who was in it and is no more, and since when.
    var departures: [UserID: Timestamp] = [:]

    /// Number n is element n - 1.
    var messages: [Message] = []
    var numbersByKey: [MessageKey: Int] = [:]

    /// Metadata stand at this number; the messages above it wait for ``ConversationStore/apply(_:)``.
    var appliedSequence: Int64 = 0
    var lastMessage: LastMessage?
    /// Counts changes of title and participants; the last one was at `changedAt`.
    var version: Int64 = 0
    var changedAt: Timestamp
    /// When the conversation's activity changed (by the store's activity clock), and to what; ascending.
    var activities: [(clock: Int64, at: Timestamp)] = []
}

struct ParticipantRecord {
    var role: Role
    let joinedAt: Timestamp
    var lastReadSequence: Int64
    var lastDeliveredSequence: Int64
    var mute = Mute.off
    var notificationLevel = NotificationLevel.all
    /// When a marker, the mute or the level last changed.
    var changedAt: Timestamp

    init(role: Role, joinedAt: Timestamp, lastReadSequence: Int64) {
        self.role = role
        self.joinedAt = joinedAt
        self.lastReadSequence = lastReadSequence
        lastDeliveredSequence = lastReadSequence
        changedAt = joinedAt
    }
}

/// A sender's key as bytes: two strings that Swift holds for equal (é as one scalar or as two) are two keys.
struct MessageKey: Hashable {
    let sender: UserID
    let clientMessageID: [UInt8]

    init(sender: UserID, clientMessageID: String) {
        self.sender = sender
        self.clientMessageID = Array(clientMessageID.utf8)
    }
}
