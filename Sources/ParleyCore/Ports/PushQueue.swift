public import ParleyModel

/// Work for the push worker: one message and at most ``PushJob/maxRecipients`` of the participants who were offline.
public struct PushJob: Sendable, Equatable {
    public static let maxRecipients = 500

    public let messageID: MessageID
    public let conversationID: ConversationID
    public let senderID: UserID
    /// The message's; nil when a program of others queued the job without it.
    public let sequenceNumber: Int64?
    public let recipients: [UserID]
    /// The first 50 characters of the preview.
    public let messagePreview: String
    public let createdAt: Timestamp
    /// Which of the message's jobs this is, from 0: (message, part) names a job.
    public let part: Int

    public init(
        messageID: MessageID, conversationID: ConversationID, senderID: UserID, sequenceNumber: Int64?, recipients: [UserID],
        messagePreview: String, createdAt: Timestamp, part: Int
    ) {
        self.messageID = messageID
        self.conversationID = conversationID
        self.senderID = senderID
        self.sequenceNumber = sequenceNumber
        self.recipients = recipients
        self.messagePreview = messagePreview
        self.createdAt = createdAt
        self.part = part
    }

    /// The same job for other recipients, and if said so as another part of its message.
    public func addressed(to recipients: [UserID], part: Int? = nil) -> PushJob {
        PushJob(
            messageID: messageID, conversationID: conversationID, senderID: senderID, sequenceNumber: sequenceNumber,
            recipients: recipients, messagePreview: messagePreview, createdAt: createdAt, part: part ?? self.part)
    }
}

/// Names a queued job.
public struct PushJobID: Hashable, Sendable {
    public let value: Int64
    public init(_ value: Int64) { self.value = value }
}

public struct LeasedPushJob: Sendable, Equatable {
    public let id: PushJobID
    public let job: PushJob
    /// How often the job has been handed out, this time included.
    public let attempt: Int

    public init(id: PushJobID, job: PushJob, attempt: Int) {
        self.id = id
        self.job = job
        self.attempt = attempt
    }
}

/// What the worker says of a leased job.
public enum PushJobResult: Sendable, Equatable {
    case done
    /// Again after that many seconds, for these recipients only.
    case retry(after: Double, recipients: [UserID], reason: String)
    /// Again after that many seconds, as if it had not been handed out: the attempt is not counted. For these recipients only;
    /// nil for all of them.
    case returned(after: Double, recipients: [UserID]? = nil)
    /// Put aside as a dead letter, for these recipients.
    case dead(recipients: [UserID], reason: String)
}

public struct DeadPushJob: Sendable, Equatable {
    public let id: PushJobID
    public let job: PushJob
    public let attempts: Int
    public let reason: String
    public let diedAt: Timestamp

    public init(id: PushJobID, job: PushJob, attempts: Int, reason: String, diedAt: Timestamp) {
        self.id = id
        self.job = job
        self.attempts = attempts
        self.reason = reason
        self.diedAt = diedAt
    }
}

public struct PushQueueDepth: Sendable, Equatable {
    /// Waiting or leased.
    public let pending: Int64
    public let dead: Int64

    public init(pending: Int64, dead: Int64) {
        self.pending = pending
        self.dead = dead
    }
}

/// Where queues honestly differ. The defaults are what a database can promise.
public struct PushQueueTraits: Sendable, Equatable {
    /// Recipients who wait already under a job's message and part are not queued again. A broker does not look into what
    /// waits: there a job that is queued twice comes twice. The worker decides again each time, and notifications carry the
    /// message's id, by which push services and devices drop the second.
    public var remembersWaitingJobs: Bool
    /// A delay ends when a caller of `lease` says that it is late enough. Otherwise the engine counts it from the moment of
    /// `finish`, by its own clock, and may round it up.
    public var delaysFollowCallersTime: Bool

    /// What a database can promise, where nothing else is said.
    public init(remembersWaitingJobs: Bool = true, delaysFollowCallersTime: Bool = true) {
        self.remembersWaitingJobs = remembersWaitingJobs
        self.delaysFollowCallersTime = delaysFollowCallersTime
    }
}

/// Keeps push jobs until they are done. At least once: a job whose lease ends without a result is handed out again.
public protocol PushQueue: Sendable {
    var traits: PushQueueTraits { get }

    /// Durable when it returns. Recipients who wait already under the job's message and part are not queued again; those
    /// of a waiting part who are new (they were online when it was first queued) wait in a part of their own. A queue
    /// without ``PushQueueTraits/remembersWaitingJobs`` queues all of them.
    func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError)

    /// Up to `limit` jobs that are due, oldest first; nobody else gets them for `seconds`.
    func lease(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [LeasedPushJob]

    /// Ends leases. A job that is no longer there is passed over.
    func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async throws(StoreError)

    /// Dead letters, oldest first, that follow `after`.
    func deadLetters(limit: Int, after: PushJobID?) async throws(StoreError) -> [DeadPushJob]

    /// Makes dead letters due again with a fresh count of attempts: those named, or all for nil. Tells how many.
    func replay(_ ids: [PushJobID]?, at now: Timestamp) async throws(StoreError) -> Int

    func depth() async throws(StoreError) -> PushQueueDepth
}

extension PushQueue {
    public var traits: PushQueueTraits { PushQueueTraits() }
}
