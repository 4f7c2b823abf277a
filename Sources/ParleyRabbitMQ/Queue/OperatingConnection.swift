import ParleyCore
import ParleyModel

/// The connection for an operator's questions: dead letters, counts, and whether the queues are what they should be.
///
/// Dead letters are read by taking all of them and giving them back, so that for that moment nobody else sees them.
final class OperatingConnection {
    private let configuration: RabbitMQConfiguration
    private let topology: RabbitMQTopology
    private let ids: PushJobIDs
    private let connection: RabbitMQConnection

    init(_ configuration: RabbitMQConfiguration, topology: RabbitMQTopology, ids: PushJobIDs) {
        self.configuration = configuration
        self.topology = topology
        self.ids = ids
        connection = RabbitMQConnection(configuration)
    }

    /// Declares all queues.
    func prepare() throws(StoreError) {
        _ = try withLink { link throws(RabbitMQFailure) in
            for queue in topology.all { try link.declare(queue) }
        }
    }

    /// Messages that nobody holds: those to do, now or after a delay, and those given up.
    func counts() throws(StoreError) -> (waiting: Int64, dead: Int64) {
        try withLink { link throws(RabbitMQFailure) in
            for queue in topology.all { try link.declare(queue) }
            var waiting: Int64 = 0
            for queue in [topology.jobs] + topology.retries { waiting += try link.messageCount(of: queue) }
            return (waiting, try link.messageCount(of: topology.dead))
        }
    }

    func deadLetters(limit: Int, after: PushJobID?) throws(StoreError) -> [DeadPushJob] {
        try withLink { link throws(RabbitMQFailure) in
            var page = DeadLetterPage(limit: limit, after: after)
            try forEachDead(link) { _, letter in
                if let letter { page.add(letter) }
            }
            try link.giveBackAll()
            return page.letters
        }
    }

    /// Publishes the dead letters named, or all for nil, to the queue of jobs, and then lets go of them. The rest stays.
    func replay(_ chosen: Set<PushJobID>?) throws(StoreError) -> Int {
        let link = try connection.opened()
        var letters: [(tag: UInt64, message: PushJobMessage)] = []
        try Self.unavailableWhenLost { () throws(RabbitMQFailure) in
            try forEachDead(link) { tag, letter in
                if let letter, chosen?.contains(letter.id) ?? true { letters.append((tag, letter)) }
            }
        }
        letters.sort { $0.message.id.value < $1.message.id.value }
        let due = letters.map { PushJobMessage(id: $0.message.id, job: $0.message.job, attempts: 0).outgoing(to: topology.jobs) }
        do throws(StoreError) {
            try link.publishConfirmed(due)
        } catch {
            try? link.giveBackAll()
            throw error
        }
        do throws(RabbitMQFailure) {
            try link.acknowledge(letters.map(\.tag))
            try link.giveBackAll()
        } catch {
            throw .outcomeUnknown(error.description)
        }
        return letters.count
    }

    /// Takes the dead letters one after the other; nil for one that is no push job.
    private func forEachDead(_ link: RabbitMQLink, _ body: (UInt64, PushJobMessage?) -> Void) throws(RabbitMQFailure) {
        try link.declare(topology.dead)
        var left = configuration.maxDeadLettersRead
        while left > 0 {
            let taken = try link.take(min(left, configuration.maxPipelined), from: topology.dead)
            if taken.isEmpty { return }
            left -= taken.count
            for delivery in taken {
                body(delivery.tag, PushJobMessage(delivery) { ids.next(at: Timestamp(milliseconds: 0)) })
            }
        }
    }

    /// Keeps the connection alive.
    func lookAfter() {
        _ = connection.current()
    }

    private func withLink<Value>(_ body: (RabbitMQLink) throws(RabbitMQFailure) -> Value) throws(StoreError) -> Value {
        let link = try connection.opened()
        return try Self.unavailableWhenLost { () throws(RabbitMQFailure) in try body(link) }
    }

    private static func unavailableWhenLost<Value>(_ body: () throws(RabbitMQFailure) -> Value) throws(StoreError) -> Value {
        do throws(RabbitMQFailure) {
            return try body()
        } catch {
            throw .unavailable(error.description)
        }
    }
}

/// The dead letters with the lowest ids behind one, gathered in any order without keeping the others.
struct DeadLetterPage {
    private let limit: Int
    private let after: PushJobID?
    private var messages: [PushJobMessage] = []

    init(limit: Int, after: PushJobID?) {
        self.limit = limit
        self.after = after
    }

    mutating func add(_ message: PushJobMessage) {
        if let after, message.id.value <= after.value { return }
        messages.append(message)
        if messages.count >= 2 * limit + 100 { trim() }
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
