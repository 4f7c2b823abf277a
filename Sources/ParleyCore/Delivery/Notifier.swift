import CoreMetrics
public import Logging
import ParleyModel
public import ServiceLifecycle
import Synchronization

/// Step 8: follows the log of stored messages and queues a push job for every participant who is offline.
///
/// The stored messages themselves are the to-do list. The notifier works through them in the order of storing and moves
/// the log's checkpoint behind what is queued; after a crash it goes on at the checkpoint, so that nobody is forgotten
/// (P5). Messages just stored are handed over in memory; when more come than it can keep, or after a restart, it reads
/// them from the store. So a burst, a group of 100,000 or a slow queue delays notifications and never a create.
public final class Notifier: Service {
    public struct Configuration: Sendable {
        /// Messages kept in memory between storing and queueing; beyond that they are read back.
        public var maxInMemory = 10_000
        /// Messages worked on at once.
        public var maxBatch = 500
        /// Participants read at once.
        public var participantPage = 5000
        /// Jobs waiting in the queue beyond which the notifier pauses.
        public var maxQueueDepth: Int64 = 100_000
        /// Recipients, over all jobs, written to the queue at once: a short write, for which no create waits long.
        public var maxRecipientsPerWrite = 20_000
        /// Seconds before trying again after an error, or looking again at a full queue.
        public var pauseSeconds = 0.5
        /// Whether jobs are queued at all; without it the checkpoint only follows.
        public var queuesJobs = true

        public init() {}
    }

    private struct State {
        /// Messages not yet notified, without holes, the oldest first.
        var recent: [Recent] = []
        /// The newest position that was handed over, kept in `recent` or not.
        var newest = LogPosition.start
        var isClosed = false
        var sleeper: CheckedContinuation<Void, Never>?
        var wakeups = 0
    }

    private struct Recent: Sendable {
        let message: Message
        let position: LogPosition
        let preview: String
    }

    private let log: any EffectLog
    private let conversations: any ConversationStore
    private let presence: any Presence
    private let queue: any PushQueue
    private let publisher: Publisher
    private let media: MediaService
    private let applier: MetadataApplier
    private let timeSource: any TimeSource
    private let configuration: Configuration
    private let instruments: MessageInstruments
    private let logger: Logger
    private let createsFirst: CreatesFirst
    private let afterEnqueue: @Sendable () -> Void
    private let state = Mutex(State())

    private let repaired = Counter(label: "parley_repaired_messages_total")
    private let queued = Counter(label: "parley_push_jobs_queued_total")

    public init(
        log: any EffectLog, conversations: any ConversationStore, presence: any Presence, queue: any PushQueue, publisher: Publisher,
        media: MediaService, applier: MetadataApplier, timeSource: any TimeSource, configuration: Configuration = .init(),
        instruments: MessageInstruments, createsFirst: CreatesFirst = .notNeeded, logger: Logger,
        afterEnqueue: @escaping @Sendable () -> Void
    ) {
        self.log = log
        self.conversations = conversations
        self.presence = presence
        self.queue = queue
        self.publisher = publisher
        self.media = media
        self.applier = applier
        self.timeSource = timeSource
        self.configuration = configuration
        self.instruments = instruments
        self.createsFirst = createsFirst
        self.logger = logger
        self.afterEnqueue = afterEnqueue
    }

    /// Takes newly stored messages. Never waits.
    public func stored(_ messages: [AppendLane.Stored]) {
        state.withLock { state in
            for item in messages {
                state.newest = max(state.newest, item.position)
                // With several lanes positions may arrive out of order; what does not follow is read from the store.
                let follows = state.recent.last.map { $0.position.value + 1 == item.position.value } ?? true
                guard follows, state.recent.count < configuration.maxInMemory else { continue }
                state.recent.append(Recent(message: item.enriched.message, position: item.position, preview: item.preview))
            }
            state.wakeups += 1
            return state.sleeper.take()
        }?.resume()
    }

    // MARK: The loop

    public func run() async throws {
        await withTaskCancellationOrGracefulShutdownHandler {
            await follow()
        } onCancelOrGracefulShutdown: {
            self.state.withLock { state in
                state.isClosed = true
                return state.sleeper.take()
            }?.resume()
        }
    }

    private var isClosed: Bool { Task.isCancelled || state.withLock { $0.isClosed } }

    private func follow() async {
        var done = LogPosition.start
        var wakeups = 0
        while !isClosed {
            do throws(StoreError) {
                done = try await log.checkpoint()
                try await repair(from: &done)
                break
            } catch {
                logger.error("effects could not be repaired; trying again", metadata: ["error": "\(error)"])
                await pause()
            }
        }
        while !isClosed {
            do throws(StoreError) {
                wakeups = state.withLock { $0.wakeups }
                if try await step(&done) { continue }
                await sleep(unlessWokenSince: wakeups)
            } catch {
                logger.error("notifications could not be queued; trying again", metadata: ["error": "\(error)"])
                await pause()
            }
        }
    }

    /// What a crash left undone: publish again and queue what is due. Effects carry the message id, so that a repeat
    /// shows nowhere.
    private func repair(from done: inout LogPosition) async throws(StoreError) {
        let end = try await log.lastPosition()
        var count = 0
        while done < end, !isClosed {
            let messages = try await log.messages(after: done, limit: configuration.maxBatch)
            guard let last = messages.last else { break }
            if !applier.isIdle { await applier.apply(messages.map(\.message)) }
            if let enriched = try? await media.enriched(messages.map(\.message)) { await publisher.publish(enriched) }
            try await notify(messages.map(Self.recent))
            try await log.advance(to: last.position)
            done = last.position
            count += messages.count
        }
        if count > 0 {
            repaired.increment(by: count)
            logger.notice("effects of stored messages were redone after a restart", metadata: ["messages": "\(count)"])
        }
    }

    /// Notifies one batch. False when nothing is due.
    private func step(_ done: inout LogPosition) async throws(StoreError) -> Bool {
        guard state.withLock({ $0.newest }) > done else { return false }
        var batch = takeFromMemory(after: done)
        if batch.isEmpty {
            batch = try await log.messages(after: done, limit: configuration.maxBatch).map(Self.recent)
        }
        guard let last = batch.last else { return false }
        let start = ContinuousClock.now
        try await notify(batch)
        try await log.advance(to: last.position)
        instruments.took(.notify, since: start)
        done = last.position
        return true
    }

    private func takeFromMemory(after done: LogPosition) -> [Recent] {
        state.withLock { state in
            let stale = state.recent.prefix { $0.position <= done }.count
            state.recent.removeFirst(stale)
            guard let first = state.recent.first, first.position.value == done.value + 1 else {
                // What lies between was not handed over: read it from the store, and what is here with it.
                return []
            }
            let batch = Array(state.recent.prefix(configuration.maxBatch))
            state.recent.removeFirst(batch.count)
            return batch
        }
    }

    private static func recent(_ logged: LoggedMessage) -> Recent {
        let message = logged.message
        return Recent(
            message: message, position: logged.position,
            preview: MessagePreview.preview(of: message.messageType, content: message.content, mediaCount: message.mediaIDs.count))
    }

    // MARK: Jobs

    /// Queues jobs for the offline participants of the batch's messages.
    private func notify(_ batch: [Recent]) async throws(StoreError) {
        guard configuration.queuesJobs else { return }
        var jobs: [PushJob] = []
        var recipientCount = 0
        let groups = Dictionary(grouping: batch, by: \.message.conversationID)
        for (conversation, messages) in groups {
            var parts = [Int](repeating: 0, count: messages.count)
            var after: UserID?
            repeat {
                let page = try await conversations.participantIDs(of: conversation, after: after, limit: configuration.participantPage)
                after = page.count == configuration.participantPage ? page.last : nil
                let offline = await self.offline(among: page)
                for (place, item) in messages.enumerated() {
                    let recipients = offline.filter { $0 != item.message.senderID }
                    for start in stride(from: 0, to: recipients.count, by: PushJob.maxRecipients) {
                        jobs.append(
                            job(
                                for: item, recipients: recipients[start..<min(start + PushJob.maxRecipients, recipients.count)],
                                part: parts[place]))
                        parts[place] += 1
                    }
                    recipientCount += recipients.count
                    if recipientCount >= configuration.maxRecipientsPerWrite {
                        try await enqueue(&jobs)
                        recipientCount = 0
                    }
                }
            } while after != nil
        }
        try await enqueue(&jobs)
    }

    private func enqueue(_ jobs: inout [PushJob]) async throws(StoreError) {
        if jobs.isEmpty { return }
        try await waitForRoom()
        let start = ContinuousClock.now
        try await queue.enqueue(jobs, at: timeSource.now())
        queued.increment(by: jobs.count)
        jobs.removeAll(keepingCapacity: true)
        afterEnqueue()
        await createsFirst.rest(after: ContinuousClock.now - start)
    }

    /// Not knowing counts as offline: the worker asks again before it sends.
    private func offline(among users: [UserID]) async -> [UserID] {
        do throws(StoreError) {
            let online = try await presence.online(among: users)
            return online.isEmpty ? users : users.filter { !online.contains($0) }
        } catch {
            logger.warning("presence is unknown; participants count as offline", metadata: ["error": "\(error)"])
            return users
        }
    }

    private func job(for item: Recent, recipients: ArraySlice<UserID>, part: Int) -> PushJob {
        PushJob(
            messageID: item.message.id, conversationID: item.message.conversationID, senderID: item.message.senderID,
            sequenceNumber: item.message.sequenceNumber, recipients: Array(recipients),
            messagePreview: MessagePreview.notification(from: item.preview), createdAt: item.message.createdAt, part: part)
    }

    // MARK: Waiting

    /// Pauses while the queue is full: the messages stay due, which the gauge shows.
    private func waitForRoom() async throws(StoreError) {
        while !isClosed {
            if try await queue.depth().pending < configuration.maxQueueDepth { return }
            await pause()
        }
    }

    private func pause() async {
        try? await Task.sleep(for: .seconds(configuration.pauseSeconds))
    }

    /// Sleeps until messages are stored.
    private func sleep(unlessWokenSince wakeups: Int) async {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                if state.isClosed || state.wakeups != wakeups { return true }
                state.sleeper = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
    }
}
