public import ParleyModel

// What a store hands to another one when everything is moved, whole, with what the stores' ports do not show.

/// Names for ``FolderID``; has no values.
public enum FolderKind {}

/// Tells one data folder of the embedded mode from all others, for as long as it exists.
public typealias FolderID = Identifier<FolderKind>

/// A conversation with everything that is kept of it beside its messages.
public struct CopiedConversation: Sendable, Equatable {
    /// Everything but the participants and the last message; `participantCount` and `lastSequence` are as in the rest.
    public let conversation: Conversation
    /// When title or participants last changed.
    public let changedAt: Timestamp
    /// What lists and marks go by. Grows with each message, over all conversations.
    public let activity: Int64
    public let createdActivity: Int64
    /// Where the conversation stood at activities of the past, oldest first.
    public let past: [PastActivity]
    public let participants: [CopiedParticipant]

    public init(
        conversation: Conversation, changedAt: Timestamp, activity: Int64, createdActivity: Int64, past: [PastActivity],
        participants: [CopiedParticipant]
    ) {
        self.conversation = conversation
        self.changedAt = changedAt
        self.activity = activity
        self.createdActivity = createdActivity
        self.past = past
        self.participants = participants
    }
}

/// The number that a conversation had reached at an activity.
public struct PastActivity: Sendable, Equatable {
    public let activity: Int64
    public let sequenceNumber: Int64

    public init(activity: Int64, sequenceNumber: Int64) {
        self.activity = activity
        self.sequenceNumber = sequenceNumber
    }
}

/// A participant with what is counted for them.
public struct CopiedParticipant: Sendable, Equatable {
    /// The markers as they are stored: the delivered one may stand below the other.
    public let participant: Participant
    public let mute: Mute
    public let notificationLevel: NotificationLevel
    public let ownSent: Int64
    public let ownRead: Int64
    /// When a marker, the mute or the level last changed.
    public let changedAt: Timestamp

    public init(
        participant: Participant, mute: Mute, notificationLevel: NotificationLevel, ownSent: Int64, ownRead: Int64, changedAt: Timestamp
    ) {
        self.participant = participant
        self.mute = mute
        self.notificationLevel = notificationLevel
        self.ownSent = ownSent
        self.ownRead = ownRead
        self.changedAt = changedAt
    }

    /// What others sent after the marker.
    public func unreadCount(lastSequence: Int64) -> Int64 { lastSequence - participant.lastReadSequence - (ownSent - ownRead) }
}

/// A user who is no longer in a conversation.
public struct CopiedDeparture: Sendable, Equatable {
    public let userID: UserID
    public let conversationID: ConversationID
    public let leftAt: Timestamp

    public init(userID: UserID, conversationID: ConversationID, leftAt: Timestamp) {
        self.userID = userID
        self.conversationID = conversationID
        self.leftAt = leftAt
    }
}

/// A push device with its place in the order of registering.
public struct CopiedDevice: Sendable, Equatable {
    public let device: Device
    public let number: Int64

    public init(device: Device, number: Int64) {
        self.device = device
        self.number = number
    }
}

/// A user whose tokens from before a time are good no more.
public struct CopiedRevocation: Sendable, Equatable {
    public let userID: UserID
    public let issuedBefore: Timestamp

    public init(userID: UserID, issuedBefore: Timestamp) {
        self.userID = userID
        self.issuedBefore = issuedBefore
    }
}

/// A push job that waits.
public struct CopiedPushJob: Sendable, Equatable {
    public let id: PushJobID
    public let job: PushJob
    /// How often it has been handed out.
    public let attempts: Int
    /// When it may be handed out again; nil for at once.
    public let dueAt: Timestamp?

    public init(id: PushJobID, job: PushJob, attempts: Int, dueAt: Timestamp?) {
        self.id = id
        self.job = job
        self.attempts = attempts
        self.dueAt = dueAt
    }
}

/// What a user has chosen for notifications.
public struct CopiedSettings: Sendable, Equatable {
    public let userID: UserID
    public let settings: NotificationSettings

    public init(userID: UserID, settings: NotificationSettings) {
        self.userID = userID
        self.settings = settings
    }
}

/// An alert that was sent.
public struct CopiedAlert: Sendable, Equatable {
    public let key: AlertKey
    public let conversationID: ConversationID
    public let userID: UserID
    public let sequenceNumber: Int64?
    public let sentAt: Timestamp

    public init(key: AlertKey, conversationID: ConversationID, userID: UserID, sequenceNumber: Int64?, sentAt: Timestamp) {
        self.key = key
        self.conversationID = conversationID
        self.userID = userID
        self.sequenceNumber = sequenceNumber
        self.sentAt = sentAt
    }
}

/// Somebody who sat at connections and is to be looked at again.
public struct CopiedAttendance: Sendable, Equatable {
    /// Who it is, and where they sat.
    public struct Key: Sendable, Equatable {
        public let userID: UserID
        public let node: NodeID

        public init(userID: UserID, node: NodeID) {
            self.userID = userID
            self.node = node
        }
    }

    public let key: Key
    public let since: Timestamp
    public let seenUntil: Timestamp?
    /// Leases count as ended. Whoever sat there when the folder's process ended is due from the beginning.
    public let dueAt: Timestamp

    public init(key: Key, since: Timestamp, seenUntil: Timestamp?, dueAt: Timestamp) {
        self.key = key
        self.since = since
        self.seenUntil = seenUntil
        self.dueAt = dueAt
    }
}

/// What a user's devices show, and what of it is to be taken back.
public struct CopiedShowing: Sendable, Equatable {
    public struct Device: Sendable, Equatable {
        public let id: DeviceID
        public let badge: Int64
        public let reads: Int64

        public init(id: DeviceID, badge: Int64, reads: Int64) {
            self.id = id
            self.badge = badge
            self.reads = reads
        }
    }

    public struct Alerts: Sendable, Equatable {
        public let conversationID: ConversationID
        public let deviceID: DeviceID
        public let count: Int64

        public init(conversationID: ConversationID, deviceID: DeviceID, count: Int64) {
            self.conversationID = conversationID
            self.deviceID = deviceID
            self.count = count
        }
    }

    /// Leases count as ended.
    public struct TakeBack: Sendable, Equatable {
        public let conversationID: ConversationID
        public let lastReadSequence: Int64
        public let dueAt: Timestamp
        public let attempts: Int64

        public init(conversationID: ConversationID, lastReadSequence: Int64, dueAt: Timestamp, attempts: Int64) {
            self.conversationID = conversationID
            self.lastReadSequence = lastReadSequence
            self.dueAt = dueAt
            self.attempts = attempts
        }
    }

    public let userID: UserID
    public let devices: [Device]
    public let alerts: [Alerts]
    public let takeBacks: [TakeBack]

    public init(userID: UserID, devices: [Device], alerts: [Alerts], takeBacks: [TakeBack]) {
        self.userID = userID
        self.devices = devices
        self.alerts = alerts
        self.takeBacks = takeBacks
    }
}
