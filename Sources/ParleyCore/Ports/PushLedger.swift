public import ParleyModel

/// An alert of one message on one device: sent once, whatever is delivered twice.
public struct AlertKey: Sendable, Hashable {
    public let messageID: MessageID
    public let deviceID: DeviceID

    public init(messageID: MessageID, deviceID: DeviceID) {
        self.messageID = messageID
        self.deviceID = deviceID
    }
}

/// An alert that a worker means to send.
public struct IntendedAlert: Sendable, Equatable {
    public let key: AlertKey
    public let conversationID: ConversationID
    public let userID: UserID
    public let sequenceNumber: Int64?

    public init(key: AlertKey, conversationID: ConversationID, userID: UserID, sequenceNumber: Int64?) {
        self.key = key
        self.conversationID = conversationID
        self.userID = userID
        self.sequenceNumber = sequenceNumber
    }
}

public enum AlertClaim: Sendable, Equatable {
    /// Nobody else sends it until the claim ends. The device may show `earlier` other alerts of the conversation, since its user
    /// last read in it: those that were sent, and those whose claims were granted before this one and did not end in
    /// ``AlertOutcome/released``.
    case granted(earlier: Int)
    /// It has been sent, or the device is not the user's any more: there is nothing to do.
    case sent
    /// Another worker has claimed it and has not said what became of it.
    case held
}

public enum AlertOutcome: Sendable, Equatable {
    /// The push service has it; it was sent with this badge, if with one.
    case sent(badge: Int64?)
    /// It was certainly not sent: the claim ends at once.
    case released
    /// It may have been sent, with this badge: the answer was lost. The claim ends at once, and the device counts as one that
    /// shows the alert.
    case unknown(badge: Int64?)
}

/// A conversation that a user has read while their devices showed alerts, or a number, that are out of date by it.
public struct TakeBack: Sendable, Equatable {
    public let userID: UserID
    public let conversationID: ConversationID
    public let lastReadSequence: Int64
    /// How often it has been handed out, this time included.
    public let attempt: Int

    public init(userID: UserID, conversationID: ConversationID, lastReadSequence: Int64, attempt: Int) {
        self.userID = userID
        self.conversationID = conversationID
        self.lastReadSequence = lastReadSequence
        self.attempt = attempt
    }
}

public enum TakeBackResult: Sendable, Equatable {
    /// These devices were told, each with this badge; nothing is owed.
    case done(badges: [DeviceID: Int64])
    /// Again after that many seconds.
    case retry(after: Double)
}

/// Remembers which alerts were sent to which device, and what is to be taken back.
///
/// It lives in the database of the read markers: advancing a marker, and leaving a conversation, makes the taking back due in
/// the same transaction, if one of the user's devices may show alerts of the conversation or a number that is not 0
/// (``AlertOutcome/sent(badge:)``, ``AlertOutcome/unknown(badge:)``, ``TakeBackResult/done(badges:)``). So it is neither lost nor
/// done for nothing. A device may show an alert from its claim on, until it is ``AlertOutcome/released``: so nothing is missed of
/// a worker that dies with its claims. A device that is removed shows nothing any more; who gets another user's device has its number
/// and none of its alerts.
public protocol PushLedger: Sendable {
    /// One answer for each, in their order as far as they count each other; all or nothing when it throws. A claim that ended
    /// without an outcome is granted again. Whether that one was sent is not known: a later ``AlertOutcome/released`` does not
    /// change it.
    ///
    /// Badges have to be counted (``unreadTotals(of:)``) after the claim: then ``settle(_:at:)`` knows which are out of date.
    func claim(_ alerts: [IntendedAlert], until: Timestamp, at now: Timestamp) async throws(StoreError) -> [AlertKey: AlertClaim]

    /// What became of claimed alerts; told twice it counts once. Where the user has read meanwhile what an alert speaks of, or
    /// has left, or has read anything so that its badge is out of date, the taking back is due now.
    func settle(_ outcomes: [AlertKey: AlertOutcome], at now: Timestamp) async throws(StoreError)

    /// Up to `limit` that are due, longest due first; nobody else gets them for `seconds`.
    func leaseTakeBacks(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [TakeBack]

    /// Ends leases. One whose user has read further since then stays due, also where badges are out of date by what was read in
    /// other conversations. Of a lease that had ended only the badges are noted.
    func finishTakeBacks(_ results: [(TakeBack, TakeBackResult)], at now: Timestamp) async throws(StoreError)

    /// The unread messages of each of `users` in all their conversations, as the API counts them; 0 for those who have none.
    func unreadTotals(of users: [UserID]) async throws(StoreError) -> [UserID: Int64]

    /// Forgets up to `limit` alerts and claims of messages that were made before the second of `moment`, as their ids say, those of
    /// the oldest messages first; tells how many.
    func forgetAlerts(before moment: Timestamp, limit: Int) async throws(StoreError) -> Int
}
