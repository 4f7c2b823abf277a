public import ParleyCore
public import ParleyModel

/// Who gets an alert: the whole rule, decided from values alone.
public enum PushPolicy {
    /// The reasons are tried in the order of ``DropReason``; the first that holds is the answer.
    ///
    /// | Fact | No alert when | Not known |
    /// |---|---|---|
    /// | `standing` | there is none: no participant (any more) | the worker does not decide, it asks again later |
    /// | `isBlocked` | the recipient has blocked the sender | not blocked (Parley has no blocks yet) |
    /// | `isSender` | it is the recipient's own message | |
    /// | `isDeleted` | the message was deleted | not deleted (Parley has no deletions yet) |
    /// | `sequenceNumber` | the recipient has read up to it or past it | unread |
    /// | `expiresAt` | the moment has come | |
    /// | `standing.level` | it is `none`; or `mentions`, and the message does not mention the recipient | no mention (Parley does not know mentions yet): who wants only those wants silence otherwise |
    /// | `standing.mute` | it holds now | |
    /// | `settings.quietHours` | they hold now, by the clock of the recipient's time zone | an unknown zone is UTC |
    /// | `isAttended` | somebody sits at one of the recipient's connections ([decision 22](docs/decisions/0022-attended-connections.md)) | nobody does |
    ///
    /// Where something is not known, one alert too many is better than a message nobody is told of. That a device is alive is
    /// no fact of this table: a dead one is not in the store of devices any more.
    public static func decide(_ facts: PushFacts) -> PushDecision {
        guard let standing = facts.standing else { return .drop(.notAParticipant) }
        if facts.isBlocked == true { return .drop(.blocked) }
        if facts.isSender { return .drop(.sender) }
        if facts.isDeleted == true { return .drop(.deleted) }
        if let sequenceNumber = facts.sequenceNumber, standing.lastReadSequence >= sequenceNumber { return .drop(.alreadyRead) }
        if facts.expiresAt <= facts.now { return .drop(.expired) }
        if !standing.level.admits(isMention: facts.isMention) { return .drop(.level) }
        if standing.mute.isMuted(at: facts.now) { return .drop(.muted) }
        if facts.settings.areQuietHours(at: facts.now) { return .drop(.quietHours) }
        if facts.isAttended { return .drop(.attended) }
        return .send
    }
}

extension NotificationLevel {
    fileprivate func admits(isMention: Bool?) -> Bool {
        switch self {
        case .all: true
        case .mentions: isMention == true
        case .none: false
        }
    }
}

/// What is known of one recipient of one message at the moment of sending. Nil is: not known.
public struct PushFacts: Sendable, Equatable {
    /// Nil when the recipient is not (or no longer) a participant.
    public let standing: PushStanding?
    public let settings: NotificationSettings
    public let isSender: Bool
    public let isAttended: Bool
    /// The message's.
    public let sequenceNumber: Int64?
    /// When an alert of the message is worth nothing any more.
    public let expiresAt: Timestamp
    /// Whether the message mentions the recipient.
    public let isMention: Bool?
    /// Whether the recipient has blocked the sender.
    public let isBlocked: Bool?
    /// Whether the message was deleted.
    public let isDeleted: Bool?
    public let now: Timestamp

    public init(
        standing: PushStanding?, settings: NotificationSettings = .unsaid, isSender: Bool, isAttended: Bool, sequenceNumber: Int64?,
        expiresAt: Timestamp, isMention: Bool? = nil, isBlocked: Bool? = nil, isDeleted: Bool? = nil, now: Timestamp
    ) {
        self.standing = standing
        self.settings = settings
        self.isSender = isSender
        self.isAttended = isAttended
        self.sequenceNumber = sequenceNumber
        self.expiresAt = expiresAt
        self.isMention = isMention
        self.isBlocked = isBlocked
        self.isDeleted = isDeleted
        self.now = now
    }
}

public enum PushDecision: Sendable, Equatable {
    case send
    case drop(DropReason)
}

/// Why a recipient gets no alert; the raw value labels the metric.
///
/// The order is that of the decision. Privacy comes first, then what stays true for good (the sender, what was read), then
/// the recipient's wish, and last what is only true for now.
public enum DropReason: String, Sendable, CaseIterable {
    case notAParticipant = "not_a_participant"
    case blocked
    case sender
    case deleted
    case alreadyRead = "already_read"
    case expired
    case level
    case muted
    case quietHours = "quiet_hours"
    case attended
    /// Not the policy's but the worker's: the recipient has no device, and no provider takes such recipients.
    case noDevice = "no_device"
    /// Not the policy's but the worker's: no provider serves this kind of device. Counted once a device.
    case noProvider = "no_provider"
    /// Not the policy's but the worker's: the device has had the alert. Counted once a device.
    case alreadySent = "already_sent"
}
