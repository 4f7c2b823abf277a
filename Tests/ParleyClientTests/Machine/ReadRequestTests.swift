import ParleyModel
import Testing

@testable import ParleyClient

/// Read markers only advance, so that one that waits takes the place of all that wait.
struct ReadRequestTests {
    private let state = ReadState(lastReadSequence: 9, unreadCount: 0, lastSequence: 9)
    private let answer = #""last_read_sequence":9,"unread_count":0,"last_sequence":9"#

    @Test func `reads that wait for a connection are one, with the highest number, which answers all`() {
        var driver = MachineDriver()
        for (ticket, number) in [(1, 4), (2, 9), (3, 6)] as [(Ticket, Int64)] { #expect(driver.ask(.read(home, number), ticket) == []) }
        _ = driver.ask(.read(work, 2), 4)
        let sent = driver.goLive()
        #expect(sent.map(\.sequenceNumber) == [9, 2])
        let all = driver.ok(sent[0], answer).fulfilled
        #expect(all == [1: .success(.read(state)), 2: .success(.read(state)), 3: .success(.read(state))])
    }

    @Test func `a read that is under way is not changed, and joins the next one when the connection is lost`() {
        var driver = MachineDriver { $0.acknowledgesDelivery = false }
        driver.goLive()
        #expect(driver.ask(.read(home, 4), 1).sent.map(\.sequenceNumber) == [4])
        #expect(driver.ask(.read(home, 9), 2).sent.map(\.sequenceNumber) == [9])
        _ = driver.lose()
        let again = driver.goLive()
        #expect(again.map(\.sequenceNumber) == [9])
        #expect(driver.ok(again[0], answer).fulfilled == [1: .success(.read(state)), 2: .success(.read(state))])
    }

    @Test func `a read that the server puts off joins the later one`() {
        var driver = MachineDriver()
        driver.goLive()
        let first = driver.ask(.read(home, 4), 1).sent
        #expect(driver.refuse(first[0], .rateLimited, retryAfter: 700) == [])
        #expect(driver.ask(.read(home, 9), 2) == [])
        #expect(driver.pass(699) == [])
        let sent = driver.pass(1).sent
        #expect(sent.map(\.sequenceNumber) == [9])
        #expect(driver.ok(sent[0], answer).fulfilled.count == 2)
    }

    @Test func `reads of one conversation take one place, also in a full outbox`() {
        var driver = MachineDriver { $0.outboxLimit = 2 }
        _ = driver.ask(.send(outgoing("a")), 1)
        for ticket in 2...20 as ClosedRange<Ticket> { #expect(driver.ask(.read(home, Int64(ticket)), ticket) == []) }
        #expect(driver.ask(.read(work, 1), 21).fulfilled == [21: .failure(.outboxFull)])
        #expect(driver.goLive().map(\.sequenceNumber).last == 20)
    }

    @Test func `a read that is withdrawn takes its number with it`() {
        var driver = MachineDriver()
        _ = driver.ask(.read(home, 4), 1)
        _ = driver.ask(.read(home, 9), 2)
        driver.machine.abandon(2)
        #expect(driver.goLive().map(\.sequenceNumber) == [4])
    }

    @Test func `a refusal, and the end, are told to all who wait`() {
        var driver = MachineDriver()
        _ = driver.ask(.read(home, 4), 1)
        _ = driver.ask(.read(home, 9), 2)
        let sent = driver.goLive()
        #expect(Set(driver.refuse(sent[0], .notAParticipant).fulfilled.keys) == [1, 2])
        _ = driver.lose()
        _ = driver.ask(.read(home, 4), 3)
        _ = driver.ask(.read(home, 9), 4)
        #expect(driver.machine.end().fulfilled == [3: .failure(.ended), 4: .failure(.ended)])
    }
}
