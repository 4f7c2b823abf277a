import ParleyModel
import Testing

@testable import ParleyClient

/// Telling the server what has arrived.
struct AcknowledgementTests {
    @Test func `arrivals are told at most once a second, with the highest number`() {
        var driver = MachineDriver()
        driver.goLive()
        for number in 1...3 as ClosedRange<Int64> { #expect(driver.say(.message(message(number))).sent.isEmpty) }
        #expect(driver.pass(100).sent.map(\.sequenceNumber) == [3])
        _ = driver.say(.message(message(4)))
        #expect(driver.pass(899).sent.isEmpty)
        _ = driver.say(.message(message(5)))
        let told = driver.pass(101).sent
        #expect(told.map(\.sequenceNumber) == [5] && told.map(\.type) == ["delivered"])
        #expect(driver.pass(5000).sent.isEmpty)
    }

    @Test func `each conversation has its own second`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(1)))
        #expect(driver.pass(100).sent.count == 1)
        _ = driver.say(.message(message(1, in: work)))
        #expect(driver.pass(100).sent.count == 1)
    }

    @Test func `one's own messages, and what is read, need no telling`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(1, from: me)))
        #expect(driver.pass(100).sent.isEmpty)
        _ = driver.say(.message(message(2)))
        #expect(driver.ask(.read(home, 2)).sent.map(\.type) == ["read"])
        #expect(driver.pass(2000).sent.isEmpty)
    }

    @Test func `it can be switched off`() {
        var driver = MachineDriver { $0.acknowledgesDelivery = false }
        driver.goLive()
        _ = driver.say(.message(message(1)))
        #expect(driver.pass(2000).sent.isEmpty)
    }

    @Test func `what was told on a connection that was lost is told again, until it is answered`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(3)))
        #expect(driver.pass(100).sent.map(\.sequenceNumber) == [3])
        _ = driver.lose()
        driver.goLive()
        let again = driver.pass(1000).sent
        #expect(again.map(\.type) == ["delivered"] && again.map(\.sequenceNumber) == [3])
        guard again.count == 1 else { return }
        _ = driver.ok(again[0], #""last_delivered_sequence":3"#)
        _ = driver.lose()
        #expect((driver.goLive() + driver.pass(1000).sent).isEmpty)
    }

    @Test func `of what was told and lost only the highest number is told again`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(3)))
        _ = driver.pass(100)
        _ = driver.say(.message(message(4)))
        #expect(driver.pass(1000).sent.map(\.sequenceNumber) == [4])
        _ = driver.lose()
        driver.goLive()
        #expect(driver.pass(1000).sent.map(\.sequenceNumber) == [4])
        _ = driver.say(.message(message(5)))
        _ = driver.lose()
        driver.goLive()
        #expect(driver.pass(1000).sent.map(\.sequenceNumber) == [5])
    }

    @Test func `an arrival that the server puts off is told later, one that it refuses is not`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(1)))
        let first = driver.pass(100).sent
        #expect(driver.refuse(first[0], .storageUnavailable, retryAfter: 3000) == [])
        #expect(driver.pass(2999).sent.isEmpty)
        let second = driver.pass(1).sent
        #expect(second.map(\.sequenceNumber) == [1])
        guard second.count == 1 else { return }
        #expect(driver.refuse(second[0], .notAParticipant) == [])
        _ = driver.lose()
        #expect((driver.goLive() + driver.pass(5000).sent).isEmpty)
    }

    @Test func `what was told and lost needs no telling once it is read, or the conversation is left`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(2)))
        _ = driver.say(.message(message(2, in: work)))
        #expect(driver.pass(100).sent.count == 2)
        _ = driver.say(.conversation(.removed(work)))
        _ = driver.ask(.read(home, 2))
        _ = driver.lose()
        #expect((driver.goLive() + driver.pass(1000).sent).map(\.type) == ["read"])
    }
}
