import ParleyCore
import ParleyModel

/// The connection on which jobs are taken and acknowledged. When it is lost its leases are over, and the broker hands the
/// jobs out again.
final class LeasingConnection {
    private let configuration: RabbitMQConfiguration
    private let queue: RabbitMQQueue
    private let ids: PushJobIDs
    private let connection: RabbitMQConnection
    private var leases = LeaseTable()
    /// The connection that the leases are on.
    private weak var leasedOn: RabbitMQLink?

    init(_ configuration: RabbitMQConfiguration, queue: RabbitMQQueue, ids: PushJobIDs, newQueues: NewQueues) {
        self.configuration = configuration
        self.queue = queue
        self.ids = ids
        connection = RabbitMQConnection(configuration, newQueues: newQueues)
    }

    /// Leases of this process.
    var leaseCount: Int { leases.count }

    /// Leases that have ended come first, then what the broker has.
    func lease(limit: Int, seconds: Double, at now: Timestamp) throws(StoreError) -> [LeaseTable.Lease] {
        let link = try opened()
        let end = now.advanced(bySeconds: seconds)
        let givenBackAt = ContinuousClock.now + .seconds(seconds + configuration.leaseGraceSeconds)
        var given = leases.renewExpired(limit: limit, at: now, until: end, givenBackAt: givenBackAt)
        let taken = try Self.unlessLost { () throws(RabbitMQFailure) in
            try link.declare(queue)
            return try link.take(limit - given.count, from: queue)
        }
        for delivery in taken {
            let lease = lease(delivery, until: end, givenBackAt: givenBackAt, at: now)
            leases.add(lease)
            given.append(lease)
        }
        return given
    }

    private func lease(
        _ delivery: Delivery, until end: Timestamp, givenBackAt: ContinuousClock.Instant, at now: Timestamp
    ) -> LeaseTable.Lease {
        guard let message = PushJobMessage(delivery, at: now, newID: { ids.next(at: now) }) else {
            return LeaseTable.Lease(
                id: ids.next(at: now), tag: delivery.tag, content: .unreadable(delivery.body, messageID: delivery.messageID), attempt: 1,
                endsAt: end, givenBackAt: givenBackAt)
        }
        let isHeld = leases[message.id] != nil
        return LeaseTable.Lease(
            id: isHeld ? ids.next(at: now) : message.id, tag: delivery.tag, content: .job(message.job),
            attempt: message.attempts + 1 + (delivery.isRedelivered ? 1 : 0), endsAt: end, givenBackAt: givenBackAt)
    }

    /// Those of the leases that are still there.
    func held(_ ids: [PushJobID]) -> [LeaseTable.Lease] {
        forgetLost()
        return ids.compactMap { leases[$0] }
    }

    /// Acknowledges the messages. One that is no longer leased is passed over.
    func settle(_ ids: [PushJobID]) throws(StoreError) {
        forgetLost()
        guard let link = leasedOn, leases.count > 0 else { return }
        let settled = leases.settle(ids)
        do throws(RabbitMQFailure) {
            try link.acknowledge(settled.tags, upTo: settled.upTo)
        } catch {
            throw .outcomeUnknown(error.description)
        }
    }

    /// Keeps the connection alive, and gives jobs back whose leases ended without anybody asking for work again, so that
    /// others get them.
    func lookAfter() {
        forgetLost()
        guard let link = leasedOn else { return }
        try? link.giveBack(leases.removeOverdue(at: .now))
    }

    private func opened() throws(StoreError) -> RabbitMQLink {
        let link = try connection.opened()
        if link !== leasedOn { leases.removeAll() }
        leasedOn = link
        return link
    }

    private func forgetLost() {
        if connection.current() == nil { leases.removeAll() }
    }

    private static func unlessLost<Value>(_ body: () throws(RabbitMQFailure) -> Value) throws(StoreError) -> Value {
        do throws(RabbitMQFailure) {
            return try body()
        } catch {
            throw .unavailable(error.description)
        }
    }
}
