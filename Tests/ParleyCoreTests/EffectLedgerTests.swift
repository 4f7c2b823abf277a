import ParleyModel
import Testing

@testable import ParleyCore

struct EffectLedgerTests {
    @Test func `what is due begins with the oldest message that is not finished`() {
        let ledger = EffectLedger()
        #expect(ledger.dueFrom(at: 100) == 100)
        for second in [101, 102, 102, 105] as [Int64] { #expect(ledger.issue(at: second) == second) }
        #expect(ledger.dueFrom(at: 110) == 101)
        ledger.settle(ofSecond: 101)
        ledger.settle(ofSecond: 102)
        #expect(ledger.dueFrom(at: 110) == 102)
        #expect(ledger.count == 2)
        ledger.settle(ofSecond: 102)
        ledger.settle(ofSecond: 105)
        #expect(ledger.dueFrom(at: 110) == 110)
    }

    @Test func `no message is made before what was said to be done, even when the clock goes back`() {
        let ledger = EffectLedger()
        #expect(ledger.dueFrom(at: 100) == 100)
        #expect(ledger.issue(at: 40) == 100)
        #expect(ledger.dueFrom(at: 41) == 100)
        ledger.settle(ofSecond: 100)
        #expect(ledger.dueFrom(at: 42) == 100)
    }

    @Test func `ids bear their node and the second that the ledger says`() throws {
        let ledger = EffectLedger()
        let node = try #require(NodeID("00a1b2c3d4"))
        let ids = MessageIDGenerator(node: node, ledger: ledger)
        let id = ids.next(at: .init(milliseconds: 1_800_000_000_999))
        #expect(id.node == node && id.second == 1_800_000_000)
        #expect(id.description.hasPrefix("6b49d20000a1b2c3d4"))
        let bounds = MessageID.bounds(of: node, inSecond: id.second)
        #expect(bounds.first.description <= id.description && id.description <= bounds.last.description)
        _ = ledger.dueFrom(at: 1_800_000_010)
        ledger.settle(ofSecond: id.second)
        _ = ledger.dueFrom(at: 1_800_000_010)
        #expect(ids.next(at: .init(milliseconds: 1_800_000_001_000)).second == 1_800_000_010)
    }
}
