import ParleyCore

/// The dead letters with the lowest ids behind one, gathered in any order without keeping the others.
struct DeadLetterPage {
    private let limit: Int
    private let after: PushJobID?
    private var messages: [PushJobMessage] = []

    init(limit: Int, after: PushJobID?) {
        self.limit = max(0, limit)
        self.after = after
    }

    mutating func add(_ message: PushJobMessage) {
        if let after, message.id.value <= after.value { return }
        messages.append(message)
        if messages.count / 2 > limit, messages.count > 100 { trim() }
    }

    private mutating func trim() {
        messages.sort { $0.id.value < $1.id.value }
        messages.removeLast(max(0, messages.count - limit))
    }

    var letters: [DeadPushJob] {
        var page = self
        page.trim()
        return page.messages.map {
            DeadPushJob(
                id: $0.id, job: $0.job, attempts: $0.attempts, reason: $0.reason ?? "no reason given",
                diedAt: $0.diedAt ?? $0.job.createdAt)
        }
    }
}
