import ParleyModel
import Testing

@testable import ParleyClient

/// What callers ask, and what they are answered.
struct RequestTests {
    @Test func `a message is sent and its caller gets what was stored`() throws {
        var driver = MachineDriver()
        driver.goLive()
        let sent = driver.ask(.send(outgoing("a"))).sent
        #expect(sent.map(\.content) == ["a"] && sent[0]["client_message_id"] == .string("a"))
        #expect(driver.stored(sent[0], 1).fulfilled == [1: .success(.sent(message(1, from: me)))])
    }

    @Test func `what is asked before the connection waits for it, in order`() {
        var driver = MachineDriver()
        #expect(driver.ask(.send(outgoing("a")), 1) == [] && driver.ask(.read(work, 4), 2) == [])
        #expect(driver.goLive().map(\.type) == ["send", "read"])
    }

    @Test func `what the server would not read fails alone, and the next message goes out`() throws {
        var driver = MachineDriver()
        driver.goLive()
        let large = driver.ask(.send(outgoing(String(repeating: "x", count: 70_000))), 1)
        #expect(large.sent.isEmpty)
        guard case .failure(.refused(let refusal))? = large.fulfilled[1] else { return #expect(Bool(false), "\(large)") }
        #expect(refusal.knownCode == .bodyTooLarge && !refusal.isRetryable)
        #expect(driver.ask(.send(outgoing("b")), 2).sent.map(\.content) == ["b"])
    }

    @Test func `an event with words that are new to us is passed over`() {
        var driver = MachineDriver()
        driver.goLive()
        let strange =
            #"{"type":"participant","conversation_id":"\#(home)","user_id":"\#(ben)","change":"promoted","role":"moderator","participant_count":3,"version":9}"#
        #expect(driver.say(strange) == [])
        #expect(driver.ask(.send(outgoing("a")), 1).sent.count == 1)
    }

    @Test func `a first connection that is lost before it has caught up is resumed where it began`() throws {
        var driver = MachineDriver()
        let subscribe = driver.authenticate()[0]
        _ = driver.ok(subscribe, #""conversations":1,"cursor":"1.7.7""#)
        _ = driver.lose()
        #expect(driver.authenticate()[0]["cursor"] == .string("1.7.7"))
    }

    @Test func `messages of one conversation follow one another, others do not wait`() {
        var driver = MachineDriver()
        driver.goLive()
        let first = driver.ask(.send(outgoing("a")), 1).sent
        #expect(driver.ask(.send(outgoing("b")), 2).sent.isEmpty)
        #expect(driver.ask(.send(outgoing("c", in: work)), 3).sent.map(\.content) == ["c"])
        #expect(driver.stored(first[0], 1).sent.map(\.content) == ["b"])
    }

    @Test func `what has no answer is sent again with the same key, in order`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.ask(.send(outgoing("a")), 1)
        _ = driver.ask(.send(outgoing("b")), 2)
        _ = driver.lose()
        let again = driver.goLive()
        #expect(again.map(\.content) == ["a"] && again[0]["client_message_id"] == .string("a"))
        #expect(driver.stored(again[0], 1).sent.map(\.content) == ["b"])
    }

    @Test func `what the server puts off is sent again later, and keeps its place`() {
        var driver = MachineDriver()
        driver.goLive()
        let first = driver.ask(.send(outgoing("a")), 1).sent
        _ = driver.ask(.send(outgoing("b")), 2)
        #expect(driver.refuse(first[0], .rateLimited, retryAfter: 700) == [])
        #expect(driver.pass(699) == [])
        let again = driver.pass(1).sent
        #expect(again.map(\.content) == ["a"])
        #expect(driver.stored(again[0], 1).sent.map(\.content) == ["b"])
    }

    @Test func `a server that always puts off is told to the caller in the end`() {
        var driver = MachineDriver()
        driver.goLive()
        var sent = driver.ask(.send(outgoing("a")), 1).sent
        for _ in 0..<Outbox.maxRefusals {
            #expect(driver.refuse(sent[0], .storageUnavailable).fulfilled.isEmpty)
            sent = driver.pass(1000).sent
        }
        guard case .failure(.refused(let refusal))? = driver.refuse(sent[0], .storageUnavailable).fulfilled[1] else {
            Issue.record("the caller was not told")
            return
        }
        #expect(refusal.isRetryable)
    }

    @Test func `a refusal is told, and the next message goes`() {
        var driver = MachineDriver()
        driver.goLive()
        let first = driver.ask(.send(outgoing("a")), 1).sent
        _ = driver.ask(.send(outgoing("b")), 2)
        let actions = driver.refuse(first[0], .notAParticipant)
        #expect(actions.fulfilled[1] == .failure(.refused(Refusal(code: "not_a_participant", detail: "d", isRetryable: false))))
        #expect(actions.sent.map(\.content) == ["b"])
    }

    @Test func `a full outbox refuses`() {
        var driver = MachineDriver { $0.outboxLimit = 2 }
        #expect(driver.ask(.send(outgoing("a")), 1) == [] && driver.ask(.send(outgoing("b")), 2) == [])
        #expect(driver.ask(.send(outgoing("c")), 3).fulfilled == [3: .failure(.outboxFull)])
        #expect(driver.goLive().count == 1)
    }

    @Test func `what nobody waits for is not sent, or not sent again`() {
        var driver = MachineDriver()
        driver.goLive()
        let first = driver.ask(.send(outgoing("a")), 1).sent
        _ = driver.ask(.send(outgoing("b")), 2)
        driver.machine.abandon(2)
        driver.machine.abandon(1)
        #expect(driver.stored(first[0], 1) == [])
        _ = driver.ask(.read(home, 1), 3)
        driver.machine.abandon(3)
        _ = driver.lose()
        #expect(driver.goLive().isEmpty)
    }

    @Test func `a read is answered with what is left`() {
        var driver = MachineDriver()
        driver.goLive()
        let sent = driver.ask(.read(home, 3)).sent
        #expect(sent[0].type == "read" && sent[0].sequenceNumber == 3)
        let actions = driver.ok(sent[0], #""last_read_sequence":3,"unread_count":1,"last_sequence":5"#)
        #expect(actions.fulfilled == [1: .success(.read(ReadState(lastReadSequence: 3, unreadCount: 1, lastSequence: 5)))])
    }

    @Test func `presence is watched again on every connection`() {
        var driver = MachineDriver()
        driver.goLive()
        let sent = driver.ask(.presence([ben])).sent
        let actions = driver.ok(sent[0], #""presence":[{"user_id":"\#(ben)","online":true,"last_seen_at":null}]"#)
        #expect(actions.fulfilled == [1: .success(.presence([ben: PresenceState(online: true, lastSeenAt: nil)]))])
        _ = driver.lose()
        let again = driver.goLive()
        #expect(again.map(\.type) == ["presence"] && again[0]["user_ids"] == .array([.string(ben.description)]))
        #expect(driver.ok(again[0], #""presence":[]"#) == [])
    }

    @Test func `typing is told now or never`() {
        var driver = MachineDriver()
        #expect(driver.machine.typing(true, in: home, at: driver.now) == [])
        driver.goLive()
        #expect(driver.machine.typing(true, in: home, at: driver.now).sent.map(\.type) == ["typing"])
    }

    @Test func `commands stay below the server's limit`() {
        var driver = MachineDriver()
        driver.goLive(MachineDriver.hello(commands: 10))
        for ticket in 1...40 as ClosedRange<Ticket> { _ = driver.ask(.read(ConversationID(high: 0, low: ticket), 1), ticket) }
        var perSecond = 0
        for _ in 0..<10 { perSecond += driver.pass(100).sent.count }
        #expect((7...9).contains(perSecond))
    }

    @Test func `everybody who waits is told when it ends`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.ask(.send(outgoing("a")), 1)
        _ = driver.ask(.send(outgoing("b")), 2)
        let actions = driver.machine.end()
        #expect(actions.fulfilled == [1: .failure(.ended), 2: .failure(.ended)] && actions.states == [.stopped])
        #expect(driver.ask(.send(outgoing("c")), 3).fulfilled == [3: .failure(.ended)])
    }
}
