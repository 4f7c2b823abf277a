import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyRabbitMQ

struct ConfirmLedgerTests {
    @Test func `the broker settles messages one by one, in any order, or all up to one`() {
        var ledger = ConfirmLedger(first: 11, count: 5)
        ledger.settle(13, multiple: false, isRefused: false)
        #expect(ledger.open == 4)
        ledger.settle(14, multiple: true, isRefused: false)
        #expect(ledger.open == 1)
        ledger.settle(15, multiple: false, isRefused: true)
        #expect(ledger.isComplete && ledger.lost == 1)
    }

    @Test func `word on what is settled, or not ours, changes nothing`() {
        var ledger = ConfirmLedger(first: 11, count: 2)
        for (tag, multiple) in [(10, true), (10, false), (13, false), (0, false), (.max, false)] as [(UInt64, Bool)] {
            ledger.settle(tag, multiple: multiple, isRefused: true)
        }
        #expect(ledger.open == 2 && ledger.lost == 0)
        ledger.settle(11, multiple: false, isRefused: false)
        ledger.settle(11, multiple: true, isRefused: true)
        #expect(ledger.open == 1 && ledger.lost == 0)
    }

    @Test func `zero means all, and a number past the last as many as there are`() {
        var all = ConfirmLedger(first: 1, count: 3)
        all.settle(0, multiple: true, isRefused: false)
        #expect(all.isComplete)
        var past = ConfirmLedger(first: 1, count: 3)
        past.settle(9, multiple: true, isRefused: false)
        #expect(past.isComplete)
        var farPast = ConfirmLedger(first: 1, count: 3)
        farPast.settle(.max, multiple: true, isRefused: false)
        #expect(farPast.isComplete)
    }
}

struct LeaseTableTests {
    private let instant = ContinuousClock.now

    private func table(_ tags: [UInt64]) -> LeaseTable {
        var table = LeaseTable()
        for tag in tags {
            table.add(
                LeaseTable.Lease(
                    id: PushJobID(Int64(tag) + 100), tag: tag, content: .job(Sample.job()), attempt: 1, endsAt: Sample.time(Double(tag)),
                    givenBackAt: instant + .seconds(Int(tag))))
        }
        return table
    }

    private func ids(_ tags: UInt64...) -> [PushJobID] { tags.map { PushJobID(Int64($0) + 100) } }

    @Test func `all leases together are acknowledged as one`() {
        var table = table([1, 2, 5])
        let settled = table.settle(ids(5, 1, 2))
        #expect(settled.upTo == 5 && settled.tags == [] && table.count == 0)
    }

    @Test func `a lease that is kept is never acknowledged by one behind it`() {
        var table = table([1, 2, 3, 4, 5])
        let settled = table.settle(ids(5, 1, 2, 4))
        #expect(settled.upTo == 2 && settled.tags == [4, 5] && table[PushJobID(103)] != nil)
        let rest = table.settle(ids(1, 3))
        #expect(rest.upTo == 3 && rest.tags == [])
    }

    @Test func `nothing is acknowledged for names that are not leased`() {
        var table = table([])
        let settled = table.settle(ids(1))
        #expect(settled.upTo == nil && settled.tags == [])
    }

    @Test func `leases that have ended are renewed, oldest first, as many as asked for`() {
        var table = table([3, 1, 2, 9])
        let renewed = table.renewExpired(limit: 2, at: Sample.time(3), until: Sample.time(20), givenBackAt: instant)
        #expect(renewed.map(\.tag) == [1, 2] && renewed.map(\.attempt) == [2, 2])
        let rest = table.renewExpired(limit: 9, at: Sample.time(3), until: Sample.time(20), givenBackAt: instant)
        #expect(rest.map(\.tag) == [3])
    }

    @Test func `leases that nobody asks for are given back once`() {
        var table = table([1, 2, 3])
        #expect(table.removeOverdue(at: instant + .seconds(2)) == [1, 2])
        #expect(table.removeOverdue(at: instant + .seconds(2)) == [] && table.count == 1)
    }
}

struct PushJobIDsTests {
    @Test func `names grow although the clock stands still or goes back, and fit any JSON number`() {
        let ids = PushJobIDs()
        var names = (0..<10_000).map { _ in ids.next(at: Sample.start).value }
        names.append(ids.next(at: Sample.time(-60)).value)
        #expect(zip(names, names.dropFirst()).allSatisfy { $0 < $1 })
        #expect(ids.next(at: Sample.time(60 * 365 * 86_400)).value < 1 << 53)
    }
}

struct PushJobMessageTests {
    @Test(arguments: [(Int64.max, 1_000_000), (-5, 0), (3, 3)])
    func `a number of attempts that another program made up is counted on`(header: Int64, attempts: Int) {
        let delivery = Delivery(headers: ["attempts": .integer(header)], body: Sample.job().messageBody)
        #expect(PushJobMessage(delivery, at: Sample.start) { PushJobID(1) }?.attempts == attempts)
    }
}

struct RabbitMQTopologyTests {
    @Test func `a job waits in the queue of the shortest delay that is long enough`() {
        let topology = RabbitMQTopology(queueName: "push_notifications")
        let places = [0, 0.2, 1, 1.1, 47, 300, 3600, 90_000].map { topology.queue(forRetryAfter: $0).name }
        #expect(
            places == [
                "push_notifications", "push_notifications.retry.1", "push_notifications.retry.1", "push_notifications.retry.2",
                "push_notifications.retry.60", "push_notifications.retry.300", "push_notifications.retry.3600",
                "push_notifications.retry.3600",
            ])
    }
}
