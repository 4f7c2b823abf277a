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

    init(_ configuration: RabbitMQConfiguration, topology: RabbitMQTopology, ids: PushJobIDs, newQueues: NewQueues) {
        self.configuration = configuration
        self.topology = topology
        self.ids = ids
        connection = RabbitMQConnection(configuration, newQueues: newQueues)
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
        var page = DeadLetterPage(limit: limit, after: after)
        let link = try connection.opened()
        try forEachDead(link) { letters in
            for letter in letters { page.add(letter.message) }
        }
        try Self.unavailableWhenLost { () throws(RabbitMQFailure) in try link.giveBackAll() }
        return page.letters
    }

    /// Publishes the dead letters named, or all for nil, to the queue of jobs, and then lets go of them. The rest stays.
    func replay(_ chosen: Set<PushJobID>?) throws(StoreError) -> Int {
        let link = try connection.opened()
        var count = 0
        do throws(StoreError) {
            try forEachDead(link) { letters throws(StoreError) in
                let due = letters.filter { chosen?.contains($0.message.id) ?? true }
                try replay(due, link)
                count += due.count
            }
            try Self.unavailableWhenLost { () throws(RabbitMQFailure) in try link.giveBackAll() }
        } catch {
            try? link.giveBackAll()
            if count > 0, case .unavailable(let sentence) = error { throw .outcomeUnknown(sentence) }
            throw error
        }
        return count
    }

    private func replay(_ letters: [DeadLetter], _ link: RabbitMQLink) throws(StoreError) {
        let letters = letters.sorted { $0.message.id.value < $1.message.id.value }
        try link.publishConfirmed(
            letters.map { PushJobMessage(id: $0.message.id, job: $0.message.job, attempts: 0).outgoing(to: topology.jobs) })
        do throws(RabbitMQFailure) {
            try link.acknowledge(letters.map(\.tag))
        } catch {
            throw .outcomeUnknown(error.description)
        }
    }

    private typealias DeadLetter = (tag: UInt64, message: PushJobMessage)

    /// Takes the dead letters, some at a time. Those that are no push jobs are passed over, and held with the others.
    private func forEachDead(_ link: RabbitMQLink, _ body: ([DeadLetter]) throws(StoreError) -> Void) throws(StoreError) {
        var left = configuration.maxDeadLettersRead
        while left > 0 {
            let taken = try Self.unavailableWhenLost { () throws(RabbitMQFailure) in
                try link.declare(topology.dead)
                return try link.take(min(left, configuration.maxPipelined), from: topology.dead)
            }
            if taken.isEmpty { return }
            left -= taken.count
            let now = SystemTimeSource().now()
            try body(
                taken.compactMap { delivery in
                    PushJobMessage(delivery, at: now) { ids.next(at: Timestamp(milliseconds: 0)) }.map { (delivery.tag, $0) }
                })
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
