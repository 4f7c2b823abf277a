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
    public let ownSent: Int64
    public let ownRead: Int64
    /// When a marker or the mute last changed.
    public let changedAt: Timestamp

    public init(participant: Participant, mute: Mute, ownSent: Int64, ownRead: Int64, changedAt: Timestamp) {
        self.participant = participant
        self.mute = mute
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
