import ParleyModel
import Testing

@testable import ParleyRedis

struct SubscriptionLedgerTests {
    private let conversations = (0..<3).map { _ in ConversationID.random() }

    private func opened() -> SubscriptionLedger {
        var ledger = SubscriptionLedger()
        ledger.opened()
        return ledger
    }

    @Test func `the server is asked for the first and told of the last`() {
        var ledger = opened()
        let isNews = ledger.add([conversations[0], conversations[0]])
        #expect(isNews)
        let first = ledger.next(10)?.subscribe
        #expect(first == [conversations[0]])
        let isNewsAgain = ledger.add([conversations[0]])
        #expect(!isNewsAgain)
        let isGone = ledger.remove([conversations[0], conversations[0]])
        #expect(!isGone)
        #expect(ledger.wants(conversations[0]))
        let nothing = ledger.next(10)
        #expect(nothing == nil)
        let isGoneNow = ledger.remove([conversations[0]])
        #expect(isGoneNow)
        let last = ledger.next(10)?.unsubscribe
        #expect(last == [conversations[0]])
        #expect(!ledger.wants(conversations[0]))
    }

    @Test func `what was taken back before it was sent is not sent`() {
        var ledger = opened()
        _ = ledger.add([conversations[0]])
        _ = ledger.remove([conversations[0]])
        let nothing = ledger.next(10)
        #expect(nothing == nil)
        let isKnown = ledger.remove([conversations[1]])
        #expect(!isKnown)
    }

    @Test func `nothing is sent without a connection, and everything over a new one`() {
        var ledger = SubscriptionLedger()
        _ = ledger.add(conversations)
        let nothing = ledger.next(10)
        #expect(nothing == nil)
        ledger.opened()
        let first = ledger.next(2)?.subscribe.count
        #expect(first == 2)
        ledger.closed()
        _ = ledger.remove([conversations[0]])
        ledger.opened()
        let rest = ledger.next(10)?.subscribe ?? []
        #expect(Set(rest) == Set(conversations.dropFirst()))
    }

    @Test func `it is settled when the server has confirmed everything`() {
        var ledger = SubscriptionLedger()
        #expect(!ledger.isSettled)
        ledger.opened()
        #expect(ledger.isSettled)
        _ = ledger.add([conversations[0]])
        #expect(!ledger.isSettled)
        _ = ledger.next(1)
        ledger.sent(channels: 2)
        ledger.confirmed(channels: 1)
        #expect(!ledger.isSettled)
        ledger.confirmed(channels: 1)
        #expect(ledger.isSettled)
    }
}
