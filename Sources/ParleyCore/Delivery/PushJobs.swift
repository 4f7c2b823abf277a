import CoreMetrics
public import Logging
public import ParleyModel

/// A stored message of which offline participants are to be notified.
public struct DueMessage: Sendable {
    public let message: Message
    public let preview: String

    public init(_ stored: AppendLane.Stored) {
        message = stored.enriched.message
        preview = stored.preview
    }

    public init(_ message: Message) {
        self.message = message
        preview = MessagePreview.preview(of: message.messageType, content: message.content, mediaCount: message.mediaIDs.count)
    }
}

/// The bounds of queueing push jobs.
public struct NotifyConfiguration: Sendable {
    /// Messages kept in memory between storing and queueing; beyond that they are read back.
    public var maxInMemory = 10_000
    /// Messages worked on at once.
    public var maxBatch = 500
    /// Participants of each conversation that are read for all conversations of a batch at once. Larger conversations are read
    /// on by themselves.
    public var firstParticipants = 100
    /// Participants read at once.
    public var participantPage = 5000
    /// Jobs waiting in the queue beyond which nothing more is queued.
    public var maxQueueDepth: Int64 = 100_000
    /// Recipients, over all jobs, written to the queue at once: a short write, for which no create waits long.
    public var maxRecipientsPerWrite = 20_000
    /// Seconds before trying again after an error, or looking again at a full queue.
    public var pauseSeconds = 0.5
    /// Whether jobs are queued at all.
    public var queuesJobs = true

    public init() {}
}

/// Makes push jobs of stored messages, for the participants who are offline or away, and queues them: step 8.
public struct PushJobs: Sendable {
    let conversations: any ConversationStore
    let presence: any Presence
    let queue: any PushQueue
    let timeSource: any TimeSource
    let configuration: NotifyConfiguration
    let createsFirst: CreatesFirst
    let logger: Logger
    let afterEnqueue: @Sendable () -> Void

    private let queued = Counter(label: "parley_push_jobs_queued_total")

    /// - Parameter afterEnqueue: Called when jobs are there to be worked on.
    public init(
        conversations: any ConversationStore, presence: any Presence, queue: any PushQueue, timeSource: any TimeSource,
        configuration: NotifyConfiguration = .init(), createsFirst: CreatesFirst = .notNeeded, logger: Logger,
        afterEnqueue: @escaping @Sendable () -> Void
    ) {
        self.conversations = conversations
        self.presence = presence
        self.queue = queue
        self.timeSource = timeSource
        self.configuration = configuration
        self.createsFirst = createsFirst
        self.logger = logger
        self.afterEnqueue = afterEnqueue
    }

    /// Queues jobs for the participants of the messages who are not at a connection; when it returns they are durable. While the
    /// queue is full it waits, and throws `unavailable` when `isStopping`. Where it throws, some jobs may be queued: to do all again is right.
    public func queueJobs(of batch: [DueMessage], isStopping: @Sendable () -> Bool) async throws(StoreError) {
        guard configuration.queuesJobs else { return }
        var write = JobWrite()
        let groups = Dictionary(grouping: batch, by: \.message.conversationID)
        let first = try await conversations.participantIDs(of: Array(groups.keys), limit: configuration.firstParticipants)
        let absent = await absent(among: Set(first.values.joined()))
        for (conversation, messages) in groups {
            var page = first[conversation] ?? []
            var isLast = page.count < configuration.firstParticipants
            var recipients = page.filter(absent.contains)
            var cuts = messages.map(JobCut.init)
            while true {
                for place in cuts.indices {
                    write.add(cuts[place].take(recipients, isLast: isLast))
                    if write.recipientCount >= configuration.maxRecipientsPerWrite { try await enqueue(&write, isStopping) }
                }
                if isLast { break }
                page = try await conversations.participantIDs(of: conversation, after: page.last, limit: configuration.participantPage)
                isLast = page.count < configuration.participantPage
                let absent = await self.absent(among: Set(page))
                recipients = page.filter(absent.contains)
            }
        }
        try await enqueue(&write, isStopping)
    }

    /// Queues jobs for these recipients of the messages, wherever they are; when it returns they are durable. Waits and throws as above.
    public func queueJobs(of work: [(DueMessage, [UserID])], isStopping: @Sendable () -> Bool) async throws(StoreError) {
        guard configuration.queuesJobs else { return }
        var write = JobWrite()
        for (message, recipients) in work {
            var cut = JobCut(message)
            write.add(cut.take(recipients, isLast: true))
            if write.recipientCount >= configuration.maxRecipientsPerWrite { try await enqueue(&write, isStopping) }
        }
        try await enqueue(&write, isStopping)
    }

    private func enqueue(_ write: inout JobWrite, _ isStopping: @Sendable () -> Bool) async throws(StoreError) {
        if write.jobs.isEmpty { return }
        try await waitForRoom(isStopping)
        try await queue.enqueue(write.jobs, at: timeSource.now())
        queued.increment(by: write.jobs.count)
        afterEnqueue()
        await createsFirst.rest(after: ContinuousClock.now - write.begunAt)
        write = JobWrite()
    }

    /// While the queue is full the messages stay due, which the gauge shows.
    private func waitForRoom(_ isStopping: @Sendable () -> Bool) async throws(StoreError) {
        while try await queue.depth().pending >= configuration.maxQueueDepth {
            if isStopping() || Task.isCancelled { throw .unavailable("the push queue is full, and the server stops") }
            try? await Task.sleep(for: .seconds(configuration.pauseSeconds))
        }
    }

    /// Not knowing counts as absent: the worker asks again before it sends.
    private func absent(among users: Set<UserID>) async -> Set<UserID> {
        do throws(StoreError) {
            return users.subtracting(try await presence.attended(among: Array(users)))
        } catch {
            logger.warning("presence is unknown; participants count as offline", metadata: ["error": "\(error)"])
            return users
        }
    }
}

/// Jobs that are written to the queue together.
private struct JobWrite {
    private(set) var jobs: [PushJob] = []
    /// Over all jobs.
    private(set) var recipientCount = 0
    /// When the work for it began.
    let begunAt = ContinuousClock.now

    mutating func add(_ more: [PushJob]) {
        jobs += more
        for job in more { recipientCount += job.recipients.count }
    }
}

/// Cuts a message's recipients, who come page by page, into as few jobs as may be.
private struct JobCut {
    private let item: DueMessage
    private var rest: [UserID] = []
    private var part = 0

    init(_ item: DueMessage) {
        self.item = item
    }

    /// The jobs that are full by now; after the last page also the one that is not.
    mutating func take(_ page: [UserID], isLast: Bool) -> [PushJob] {
        rest += page.lazy.filter { $0 != item.message.senderID }
        var jobs: [PushJob] = []
        while rest.count >= PushJob.maxRecipients || (isLast && !rest.isEmpty) {
            jobs.append(job(for: Array(rest.prefix(PushJob.maxRecipients))))
            rest.removeFirst(min(rest.count, PushJob.maxRecipients))
        }
        return jobs
    }

    private mutating func job(for recipients: [UserID]) -> PushJob {
        defer { part += 1 }
        return PushJob(
            messageID: item.message.id, conversationID: item.message.conversationID, senderID: item.message.senderID,
            sequenceNumber: item.message.sequenceNumber, recipients: recipients,
            messagePreview: MessagePreview.notification(from: item.preview), createdAt: item.message.createdAt, part: part)
    }
}
