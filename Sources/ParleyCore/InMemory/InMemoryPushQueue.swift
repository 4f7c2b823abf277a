public import ParleyModel

public actor InMemoryPushQueue: PushQueue {
    /// In the order of queueing, which is the order of ids.
    private var pending: [PendingPushJob] = []
    private var dead: [DeadPushJob] = []
    private var lastID: Int64 = 0

    public init() {}

    public func enqueue(_ jobs: [PushJob], at now: Timestamp) {
        for job in jobs {
            let waiting = pending.filter { $0.job.messageID == job.messageID }.map(\.job)
            var job = job
            if let same = waiting.first(where: { $0.part == job.part }) {
                let new = job.recipients.filter { !same.recipients.contains($0) }
                guard !new.isEmpty else { continue }
                job = job.addressed(to: new, part: (waiting.map(\.part).max() ?? 0) + 1)
            }
            lastID += 1
            pending.append(PendingPushJob(id: PushJobID(lastID), job: job, dueAt: now))
        }
    }

    public func lease(limit: Int, seconds: Double, at now: Timestamp) -> [LeasedPushJob] {
        pending.indices.filter { pending[$0].dueAt <= now }.prefix(limit).map { place in
            pending[place].attempts += 1
            pending[place].dueAt = now.advanced(bySeconds: seconds)
            return LeasedPushJob(id: pending[place].id, job: pending[place].job, attempt: pending[place].attempts)
        }
    }

    public func finish(_ results: [PushJobID: PushJobResult], at now: Timestamp) {
        for (id, result) in results {
            guard let place = pending.firstIndex(where: { $0.id == id }) else { continue }
            switch result {
            case .done:
                pending.remove(at: place)
            case .retry(let seconds, let recipients, _):
                pending[place].job = pending[place].job.addressed(to: recipients)
                pending[place].dueAt = now.advanced(bySeconds: seconds)
            case .returned(let seconds, let recipients):
                if let recipients { pending[place].job = pending[place].job.addressed(to: recipients) }
                pending[place].attempts -= 1
                pending[place].dueAt = now.advanced(bySeconds: seconds)
            case .dead(let recipients, let reason):
                let last = pending.remove(at: place)
                dead.append(
                    DeadPushJob(
                        id: id, job: last.job.addressed(to: recipients), attempts: last.attempts, reason: reason, diedAt: now))
                dead.sort { $0.id.value < $1.id.value }
            }
        }
    }

    public func deadLetters(limit: Int, after: PushJobID?) -> [DeadPushJob] {
        Array(dead.filter { after == nil || $0.id.value > after!.value }.prefix(limit))
    }

    public func replay(_ ids: [PushJobID]?, at now: Timestamp) -> Int {
        let chosen = dead.filter { ids == nil || ids!.contains($0.id) }
        dead.removeAll { ids == nil || ids!.contains($0.id) }
        pending += chosen.map { PendingPushJob(id: $0.id, job: $0.job, dueAt: now) }
        pending.sort { $0.id.value < $1.id.value }
        return chosen.count
    }

    public func depth() -> PushQueueDepth {
        PushQueueDepth(pending: Int64(pending.count), dead: Int64(dead.count))
    }
}

private struct PendingPushJob {
    let id: PushJobID
    var job: PushJob
    var attempts = 0
    /// When it may be handed out; a lease moves this to the lease's end.
    var dueAt: Timestamp

    init(id: PushJobID, job: PushJob, dueAt: Timestamp) {
        self.id = id
        self.job = job
        self.dueAt = dueAt
    }
}
