public import ParleyCore
public import ParleyModel

/// Who gets a notification: the whole rule, decided from values alone.
public enum PushPolicy {
    /// The reasons are tried in the order of ``DropReason``; the first that holds is the answer.
    public static func decide(_ facts: PushFacts) -> PushDecision {
        guard let standing = facts.standing else { return .drop(.notAParticipant) }
        if facts.isSender { return .drop(.sender) }
        if let sequenceNumber = facts.sequenceNumber, standing.lastReadSequence >= sequenceNumber { return .drop(.alreadyRead) }
        if standing.mute.isMuted(at: facts.now) { return .drop(.muted) }
        if facts.isOnline { return .drop(.online) }
        return .send
    }
}

/// What is known of one recipient of one message at the moment of sending.
public struct PushFacts: Sendable, Equatable {
    /// Nil when the recipient is not (or no longer) a participant.
    public let standing: PushStanding?
    public let isSender: Bool
    /// False also when it cannot be known: one notification too many is better than a message nobody is told of.
    public let isOnline: Bool
    /// The message's. Nil when it is not known: then it counts as unread, since one notification too many is better than a
    /// message nobody is told of.
    public let sequenceNumber: Int64?
    public let now: Timestamp

    public init(standing: PushStanding?, isSender: Bool, isOnline: Bool, sequenceNumber: Int64?, now: Timestamp) {
        self.standing = standing
        self.isSender = isSender
        self.isOnline = isOnline
        self.sequenceNumber = sequenceNumber
        self.now = now
    }
}

public enum PushDecision: Sendable, Equatable {
    case send
    case drop(DropReason)
}

/// Why a recipient gets no notification; the raw value labels the metric.
///
/// The order is that of the decision. Privacy comes first, then what stays true for good (the sender, what was read),
/// then the recipient's wish, and last the hint that is only true for now.
public enum DropReason: String, Sendable, CaseIterable {
    case notAParticipant = "not_a_participant"
    case sender
    case alreadyRead = "already_read"
    case muted
    case online
    /// Not the policy's but the worker's: the recipient has no device, and no provider takes such recipients.
    case noDevice = "no_device"
    /// Not the policy's but the worker's: no provider serves this kind of device. Counted once a device.
    case noProvider = "no_provider"
}
