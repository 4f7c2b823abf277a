import CoreMetrics
public import Logging
import ParleyModel
public import ServiceLifecycle

/// Looks a second time at users who sat at connections and have gone: queues push jobs for messages of that while which they may
/// not have seen.
///
/// While somebody sits at a connection no push service is told of their messages, since the socket shows them. When it dies without
/// having had them acknowledged, the user comes back, or is told here. The worker decides as for any job: who reads meanwhile, has
/// muted the conversation, or was sent an alert of the message already is not sent one.
public struct SecondLooks: Service {
    public struct Configuration: Sendable {
        /// Users looked at together, and how long nobody else looks at them.
        public var batch = 500
        public var leaseSeconds = 60.0
        /// Between two looks at what is due.
        public var pauseSeconds = 5.0
        /// Between two looks for nodes that are gone.
        public var lostNodesSeconds = 10.0
        /// Seconds from when a node is known to be gone to the second look at its users: until then its leases have ended, and users
        /// are back at other nodes.
        public var lostNodesDelaySeconds = 60.0
        /// The newest messages of a conversation that are told of: a few alerts, the last of which says how many there are.
        public var messagesPerConversation = 4
        /// Messages of a conversation that are gone through for them.
        public var historyLimit = 50

        public init() {}
    }

    private enum Outcome: String, CaseIterable {
        case queued, nothing, attended
    }

    private let attendances: any AttendanceStore
    private let presence: any Presence
    private let messages: any MessageStore
    private let jobs: PushJobs
    private let timeSource: any TimeSource
    private let configuration: Configuration
    private let logger: Logger
    private let signal = WakeSignal()
    private let looks: [Outcome: Counter]

    public init(
        _ attendances: any AttendanceStore, presence: any Presence, messages: any MessageStore, jobs: PushJobs,
        timeSource: any TimeSource, configuration: Configuration = .init(), logger: Logger
    ) {
        self.attendances = attendances
        self.presence = presence
        self.messages = messages
        self.jobs = jobs
        self.timeSource = timeSource
        self.configuration = configuration
        self.logger = logger
        looks = Dictionary(
            uniqueKeysWithValues: Outcome.allCases.map {
                ($0, Counter(label: "parley_second_looks_total", dimensions: [("outcome", $0.rawValue)]))
            })
    }

    /// Until graceful shutdown.
    public func run() async throws {
        await signal.stoppingAtShutdown {
            var lostNodesAt = ContinuousClock.now
            while !signal.isStopped {
                do throws(StoreError) {
                    if lostNodesAt <= .now {
                        try await lookForLostNodes()
                        lostNodesAt = .now + .seconds(configuration.lostNodesSeconds)
                    }
                    if try await lookAgain() > 0 { continue }
                } catch {
                    if !signal.isStopped { logger.warning("second looks failed; trying again", metadata: ["error": "\(error)"]) }
                }
                await signal.sleep(seconds: configuration.pauseSeconds)
            }
        }
    }

    private func lookForLostNodes() async throws(StoreError) {
        let dueAt = timeSource.now().advanced(bySeconds: configuration.lostNodesDelaySeconds)
        let count = try await attendances.endedOfLostNodes(dueAt: dueAt)
        if count > 0 { logger.notice("users of a node that is gone will be looked at again", metadata: ["users": "\(count)"]) }
    }

    /// Looks at those who are due; tells how many. Where it throws, they are looked at again.
    func lookAgain() async throws(StoreError) -> Int {
        let due = try await attendances.leaseLooks(
            limit: configuration.batch, seconds: configuration.leaseSeconds, at: timeSource.now())
        if due.isEmpty { return 0 }
        let attended = await attended(among: due.map(\.userID))
        let gone = due.filter { !attended.contains($0.userID) }
        let told = try await queueJobs(for: gone)
        try await attendances.finishLooks(due.map { ($0, attended.contains($0.userID) ? .attendedElsewhere : .done) })
        looks[.attended]?.increment(by: due.count - gone.count)
        looks[.queued]?.increment(by: told.count)
        looks[.nothing]?.increment(by: Set(gone.map(\.userID)).count - told.count)
        return due.count
    }

    /// Not knowing counts as absent: the worker asks again.
    private func attended(among users: [UserID]) async -> Set<UserID> {
        do throws(StoreError) {
            return try await presence.attended(among: users)
        } catch {
            logger.warning("presence is unknown; users count as gone", metadata: ["error": "\(error)"])
            return []
        }
    }

    /// Tells for whom there were any.
    private func queueJobs(for looks: [SecondLook]) async throws(StoreError) -> Set<UserID> {
        let views = Dictionary(grouping: looks, by: \.userID)
        let unread = Dictionary(grouping: Set(try await attendances.unread(in: looks)), by: \.conversationID)
        var due: [MessageID: (message: Message, recipients: [UserID])] = [:]
        for (conversation, participants) in unread {
            let history = try await messages.history(of: conversation, .newest, limit: configuration.historyLimit).messages
            for participant in participants {
                let unseen = history.filter { message in
                    views[participant.userID]?.contains { $0.isUnseen(message, by: participant) } ?? false
                }
                for message in unseen.suffix(configuration.messagesPerConversation) {
                    due[message.id, default: (message, [])].recipients.append(participant.userID)
                }
            }
        }
        let work = due.values.sorted {
            ($0.message.createdAt, $0.message.sequenceNumber) < ($1.message.createdAt, $1.message.sequenceNumber)
        }
        try await jobs.queueJobs(of: work.map { (DueMessage($0.message), $0.recipients) }) { signal.isStopped }
        return work.reduce(into: []) { $0.formUnion($1.recipients) }
    }
}

extension SecondLook {
    /// Whether the user may not have seen the message, although they were there when it came: it is not known to have reached a
    /// device, or it reached one at which nobody sat any more.
    fileprivate func isUnseen(_ message: Message, by participant: UnreadConversation) -> Bool {
        guard message.senderID != userID, message.sequenceNumber > participant.lastReadSequence, message.createdAt >= since else {
            return false
        }
        if message.sequenceNumber > participant.lastDeliveredSequence { return true }
        return seenUntil.map { message.createdAt > $0 } ?? false
    }
}
