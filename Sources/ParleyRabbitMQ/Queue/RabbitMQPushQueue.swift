public import Logging
public import ParleyCore
import ParleyEngines
public import ParleyModel

/// Push jobs in RabbitMQ, in the queues of ``RabbitMQTopology``.
///
/// - Queueing is publishing with confirms and `mandatory`: when `enqueue` returns, the jobs are on the broker's disk.
///   A batch is sent whole, and waits once.
/// - Leasing takes messages with `basic.get`, as many at once as are wanted and there. A consumer would be sent jobs before
///   they are asked for, and hold them from other nodes; as it is, a node holds what it works on and nothing else, a crash
///   gives back just that, and what was queued before a call is seen by it. It takes a few microseconds a job; an idle
///   node asks once for each time that its worker looks.
/// - A lease that ends is handed out again by the process that has it, with its attempts counted. When that process does not
///   ask for work any more, or dies, the broker hands the job to others; attempts that ended so count as one altogether.
/// - To try again or to put aside is to publish the job elsewhere, confirmed, and then to acknowledge it: after a crash in
///   between it is there twice, never not at all.
/// - It does not remember what waits (``ParleyCore/PushQueueTraits/remembersWaitingJobs``), and delays are the broker's
///   (``ParleyCore/PushQueueTraits/delaysFollowCallersTime``): they are rounded up to one of
///   ``RabbitMQTopology/retryDelays``.
///
/// Errors say `unavailable` when nothing was changed, which a broker that cannot be reached does at once, and
/// `outcomeUnknown` when the connection was lost before the broker had confirmed. Connections are made when they are first
/// needed, and made again by the calls that come after a loss.
public final class RabbitMQPushQueue: PushQueue {
    public var traits: PushQueueTraits { PushQueueTraits(remembersWaitingJobs: false, delaysFollowCallersTime: false) }
    /// The queues at the broker.
    public let topology: RabbitMQTopology

    let ids = PushJobIDs()
    private let publishing: DriverThreads<PublishingConnection>
    private let leasing: DriverThreads<LeasingConnection>
    private let operating: DriverThreads<OperatingConnection>
    private let housekeeping: Task<Void, Never>
    private let logger: Logger

    /// Does not wait for the broker: the first call connects.
    public init(_ configuration: RabbitMQConfiguration, logger: Logger) {
        let topology = RabbitMQTopology(queueName: configuration.queueName)
        func threads<Connection>(_ make: @escaping @Sendable () -> Connection) -> DriverThreads<Connection> {
            DriverThreads(name: "rabbitmq", count: 1, maxWaiting: configuration.maxWaitingCalls, make: make)
        }
        let newQueues = NewQueues()
        let publishing = threads { PublishingConnection(configuration, newQueues: newQueues) }
        let leasing = threads { [ids] in LeasingConnection(configuration, queue: topology.jobs, ids: ids, newQueues: newQueues) }
        let operating = threads { [ids] in
            OperatingConnection(configuration, topology: topology, ids: ids, newQueues: newQueues)
        }
        self.topology = topology
        self.publishing = publishing
        self.leasing = leasing
        self.operating = operating
        self.logger = logger
        let seconds = configuration.housekeepingSeconds
        housekeeping = Task {
            async let first: Void = Self.lookAfter(publishing, every: seconds) { $0.lookAfter() }
            async let second: Void = Self.lookAfter(leasing, every: seconds) { $0.lookAfter() }
            async let third: Void = Self.lookAfter(operating, every: seconds) { $0.lookAfter() }
            _ = await (first, second, third)
        }
    }

    /// Until the task is cancelled. Each connection by itself, so that one that waits for the broker holds up no other.
    private static func lookAfter<Connection>(
        _ threads: DriverThreads<Connection>, every seconds: Double, _ body: @escaping @Sendable (Connection) -> Void
    ) async {
        while (try? await Task.sleep(for: .seconds(seconds))) != nil {
            try? await threads.run(body)
        }
    }

    /// Finishes the calls that wait and lets go of the connections; leases go back to the broker. It blocks: not for tasks
    /// and event loops.
    public func close() {
        housekeeping.cancel()
        publishing.close()
        leasing.close()
        operating.close()
    }

    /// Declares all queues. Best done once, before there are jobs: see ``RabbitMQConfiguration/newQueueSeconds``. Throws when
    /// the broker cannot be reached, or has one of them with other properties.
    public func prepare() async throws(StoreError) {
        try await operating.run { operating throws(StoreError) in try operating.prepare() }
    }

    // MARK: Jobs

    public func enqueue(_ jobs: [PushJob], at now: Timestamp) async throws(StoreError) {
        if let large = jobs.first(where: { $0.recipients.count > PushJob.maxRecipients }) {
            throw .unexpected("a push job names \(large.recipients.count) recipients; \(PushJob.maxRecipients) are the most")
        }
        try await publish(jobs.map { PushJobMessage(id: ids.next(at: now), job: $0, attempts: 0).outgoing(to: topology.jobs) })
    }

    public func lease(limit: Int, seconds: Double, at now: Timestamp) async throws(StoreError) -> [LeasedPushJob] {
        let leases = try await leasing.run { leasing throws(StoreError) in
            try leasing.lease(limit: max(0, limit), seconds: seconds, at: now)
        }
        await putAsideUnreadable(leases, at: now)
        return leases.compactMap { lease in
            guard case .job(let job) = lease.content else { return nil }
            return LeasedPushJob(id: lease.id, job: job, attempt: lease.attempt)
        }
    }

    public func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) async throws(StoreError) {
        guard !results.isEmpty else { return }
        let done = results.filter { $0.value == .done }.map(\.key)
        let others = results.keys.filter { results[$0] != .done }.sorted { $0.value < $1.value }
        let leases = try await leasing.run { leasing throws(StoreError) in
            try leasing.settle(done)
            return leasing.held(others)
        }
        let messages = leases.compactMap { lease in results[lease.id].flatMap { message(lease, $0, at: now) } }
        guard !messages.isEmpty else { return }
        try await publish(messages)
        try await leasing.run { leasing throws(StoreError) in try leasing.settle(leases.map(\.id)) }
    }

    /// What a leased job becomes.
    private func message(_ lease: LeaseTable.Lease, _ result: PushJobResult, at now: Timestamp) -> OutgoingMessage? {
        guard case .job(let job) = lease.content else { return nil }
        switch result {
        case .done: return nil
        case .retry(let seconds, let recipients, let reason):
            return PushJobMessage(id: lease.id, job: job.addressed(to: recipients), attempts: lease.attempt, reason: reason)
                .outgoing(to: topology.queue(forRetryAfter: seconds))
        case .returned(let seconds, let recipients):
            return PushJobMessage(id: lease.id, job: job.addressed(to: recipients ?? job.recipients), attempts: max(0, lease.attempt - 1))
                .outgoing(to: topology.queue(forRetryAfter: seconds))
        case .dead(let recipients, let reason):
            return PushJobMessage(
                id: lease.id, job: job.addressed(to: recipients), attempts: lease.attempt, reason: reason, diedAt: now
            ).outgoing(to: topology.dead)
        }
    }

    /// Messages of others that are no push jobs go to the dead letters as they are; while that fails they stay leased.
    private func putAsideUnreadable(_ leases: [LeaseTable.Lease], at now: Timestamp) async {
        let unreadable = leases.compactMap { lease -> (PushJobID, OutgoingMessage)? in
            guard case .unreadable(let body, let messageID) = lease.content else { return nil }
            let headers: [(name: String, value: AMQPValue)] = [
                ("job-id", .integer(lease.id.value)), ("attempts", .integer(Int64(lease.attempt))), ("reason", .text("not a push job")),
                ("died-at", .text(now.description)),
            ]
            return (lease.id, OutgoingMessage(queue: topology.dead, messageID: messageID, body: body, headers: headers))
        }
        guard !unreadable.isEmpty else { return }
        logger.warning("push queue holds messages that are no push jobs", metadata: ["count": "\(unreadable.count)"])
        do throws(StoreError) {
            try await publish(unreadable.map(\.1))
            try await leasing.run { leasing throws(StoreError) in try leasing.settle(unreadable.map(\.0)) }
        } catch {
            logger.warning("push queue cannot put aside what is no push job", metadata: ["error": "\(error)"])
        }
    }

    func publish(_ messages: [OutgoingMessage]) async throws(StoreError) {
        guard !messages.isEmpty else { return }
        try await publishing.run { publishing throws(StoreError) in try publishing.publish(messages) }
    }

    // MARK: Dead letters and counts

    /// Takes all dead letters (at most ``RabbitMQConfiguration/maxDeadLettersRead``) and gives them back: in that moment
    /// other processes see none.
    public func deadLetters(limit: Int, after: PushJobID?) async throws(StoreError) -> [DeadPushJob] {
        try await operating.run { operating throws(StoreError) in try operating.deadLetters(limit: limit, after: after) }
    }

    public func replay(_ ids: [PushJobID]?, at now: Timestamp) async throws(StoreError) -> Int {
        if let ids, ids.isEmpty { return 0 }
        return try await operating.run { operating throws(StoreError) in try operating.replay(ids.map { Set($0) }) }
    }

    /// Pending are the jobs that wait at the broker, now or for a delay, and those leased by this process; AMQP does not
    /// tell how many others hold.
    public func depth() async throws(StoreError) -> PushQueueDepth {
        let leased = try await leasing.run { $0.leaseCount }
        let (waiting, dead) = try await operating.run { operating throws(StoreError) in try operating.counts() }
        return PushQueueDepth(pending: waiting + Int64(leased), dead: dead)
    }
}
