import ParleyModel
import Testing

@testable import ParleyWebPush

/// A table that `#expect` can ask: it takes no calls that change a value.
private final class Table {
    private var table: OriginTable

    init(_ limits: WebPushLimits) { table = OriginTable(limits) }

    func enter(_ origin: String, at now: Timestamp) -> OriginTable.Entry { table.enter(origin, at: now) }
    func leave(_ origin: String, _ outcome: OriginTable.Outcome, at now: Timestamp) -> [(OriginTable.Ticket, OriginTable.Admission)] {
        table.leave(origin, outcome, at: now)
    }
    func giveUp(_ ticket: OriginTable.Ticket, _ origin: String) -> Bool { table.giveUp(ticket, origin) }
}

struct OriginTableTests {
    private let now = Sample.now

    private static func limits(_ change: (inout WebPushLimits) -> Void = { _ in }) -> WebPushLimits {
        var limits = WebPushLimits()
        limits.firstUnderWayPerOrigin = 2
        limits.maxUnderWayPerOrigin = 4
        limits.maxWaitingPerOrigin = 3
        limits.failuresToClose = 3
        limits.closedSeconds = 5
        limits.maxClosedSeconds = 60
        change(&limits)
        return limits
    }

    private func admitted(_ table: Table, _ origin: String, _ count: Int = 1) -> Bool {
        (0..<count).allSatisfy { _ in table.enter(origin, at: now) == .decided(.admitted) }
    }

    @Test func `an unknown push service may hold few requests, one that answers holds more, up to the limit`() {
        let table = Table(Self.limits())
        #expect(admitted(table, "a", 2))
        #expect(table.enter("a", at: now) == .queued(1))
        #expect(table.leave("a", .answered, at: now).map(\.0) == [1])
        for _ in 0..<10 {
            _ = table.leave("a", .answered, at: now)
            _ = table.enter("a", at: now)
        }
        var held = 2
        while table.enter("a", at: now) == .decided(.admitted) { held += 1 }
        #expect(held == 4)
    }

    @Test func `those that wait come in their order, and no more wait than may`() {
        let table = Table(Self.limits())
        #expect(admitted(table, "a", 2))
        #expect((1...3).map { _ in table.enter("a", at: now) } == [.queued(1), .queued(2), .queued(3)])
        #expect(table.enter("a", at: now) == .decided(.refused(after: 1)))
        // The limit has grown by one: two may go on.
        let first = table.leave("a", .answered, at: now)
        #expect(first.map(\.0) == [1, 2] && first.allSatisfy { $0.1 == .admitted })
        #expect(table.giveUp(3, "a"))
        #expect(!table.giveUp(3, "a"))
        #expect(table.leave("a", .answered, at: now).isEmpty)
    }

    @Test func `after failures in a row nothing is sent for a while, then one tries`() {
        let table = Table(Self.limits())
        for _ in 0..<3 {
            #expect(admitted(table, "a"))
            _ = table.leave("a", .failed(after: nil), at: now)
        }
        #expect(table.enter("a", at: now) == .decided(.refused(after: 5)))
        #expect(table.enter("a", at: now.advanced(bySeconds: 4)) == .decided(.refused(after: 1)))
        let later = now.advanced(bySeconds: 5)
        #expect(table.enter("a", at: later) == .decided(.admitted))
        #expect(table.enter("a", at: later) == .decided(.refused(after: 1)))
        _ = table.leave("a", .failed(after: nil), at: later)
        #expect(table.enter("a", at: later) == .decided(.refused(after: 10)))
        let muchLater = later.advanced(bySeconds: 10)
        #expect(table.enter("a", at: muchLater) == .decided(.admitted))
        _ = table.leave("a", .answered, at: muchLater)
        #expect(table.enter("a", at: muchLater) == .decided(.admitted))
    }

    @Test func `a success in between starts the count anew, and a while has an end`() {
        let table = Table(Self.limits())
        for outcome in [.failed(after: nil), .failed(after: nil), .answered, .failed(after: nil), .failed(after: nil)]
            as [OriginTable.Outcome]
        {
            #expect(admitted(table, "a"))
            _ = table.leave("a", outcome, at: now)
        }
        #expect(admitted(table, "a"))
        _ = table.leave("a", .failed(after: 5000), at: now)
        #expect(table.enter("a", at: now) == .decided(.refused(after: 60)))
    }

    @Test func `whoever waits for a push service that is closed is sent away at once`() {
        let table = Table(Self.limits())
        _ = table.enter("a", at: now)
        _ = table.leave("a", .failed(after: nil), at: now)
        _ = table.enter("a", at: now)
        _ = table.leave("a", .failed(after: nil), at: now)
        #expect(admitted(table, "a"))
        #expect(table.enter("a", at: now) == .queued(1))
        let sent = table.leave("a", .failed(after: nil), at: now)
        #expect(sent.map(\.0) == [1] && sent[0].1 == .refused(after: 5))
    }

    @Test func `a push service that is asked too much gets less, and is not closed`() {
        let table = Table(Self.limits { $0.firstUnderWayPerOrigin = 4 })
        for _ in 0..<20 {
            #expect(admitted(table, "a"))
            _ = table.leave("a", .busy, at: now)
        }
        #expect(admitted(table, "a"))
        #expect(table.enter("a", at: now) == .queued(1))
    }

    @Test func `an answer that nobody waited for says nothing of the push service`() {
        let table = Table(Self.limits { $0.firstUnderWayPerOrigin = 4 })
        for _ in 0..<20 {
            #expect(admitted(table, "a"))
            #expect(table.leave("a", .abandoned, at: now).isEmpty)
        }
        #expect(admitted(table, "a", 4))
        #expect(table.enter("a", at: now) == .queued(1))
    }

    @Test func `push services that stall leave room for the others, and take turns`() {
        let table = Table(Self.limits { $0.maxUnderWay = 6 })
        for origin in ["a", "b"] { #expect(admitted(table, origin, 2)) }
        #expect(table.enter("a", at: now) == .queued(1))
        #expect(admitted(table, "c", 2))
        #expect(table.enter("d", at: now) == .queued(2))
        #expect(table.enter("d", at: now) == .queued(3))
        // No room in all, and `a` is at its own limit: `d` is next.
        #expect(table.leave("c", .answered, at: now).map(\.0) == [2])
        #expect(table.leave("a", .answered, at: now).map(\.0) == [1])
    }

    @Test func `made-up push services take no room for long, and known ones stay`() {
        let table = Table(Self.limits { $0.maxOrigins = 3 })
        #expect(admitted(table, "a", 2))
        for name in ["b", "c", "d", "e", "f"] {
            #expect(admitted(table, name))
            _ = table.leave(name, .answered, at: now)
        }
        #expect(table.enter("a", at: now) == .queued(1))
        for name in ["g", "h"] { #expect(admitted(table, name)) }
        #expect(table.enter("i", at: now) == .decided(.refused(after: 1)))
    }
}
