public import ParleyCore
public import ParleyModel

/// Jobs that come from another queue, with what has been done about them there.
extension RabbitMQPushQueue {
    /// Queues jobs with the attempts that were made, each to be handed out when it is due. Durable when it returns.
    public func enqueue(_ records: [CopiedPushJob], at now: Timestamp) async throws(StoreError) {
        try await publish(
            records.map { record in
                PushJobMessage(id: ids.next(at: now), job: record.job, attempts: record.attempts)
                    .outgoing(to: topology.queue(forRetryAfter: record.dueAt?.seconds(since: now) ?? 0))
            })
    }

    /// Puts dead letters aside under the ids that they have. Durable when it returns.
    public func putAside(_ letters: [DeadPushJob]) async throws(StoreError) {
        try await publish(
            letters.map { letter in
                PushJobMessage(
                    id: letter.id, job: letter.job, attempts: letter.attempts, reason: letter.reason, diedAt: letter.diedAt
                ).outgoing(to: topology.dead)
            })
    }
}
