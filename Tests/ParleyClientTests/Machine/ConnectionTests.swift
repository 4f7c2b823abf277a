import ParleyModel
import Testing

@testable import ParleyClient

/// From one connection to the next.
struct ConnectionTests {
    @Test func `it greets, authenticates, subscribes and goes live`() throws {
        var driver = MachineDriver()
        #expect(driver.machine.start() == [.state(.connecting), .connect(afterMilliseconds: 0, freshToken: true)])
        #expect(driver.machine.opened(token: "secret", at: driver.now) == [])
        let authenticate = driver.say(MachineDriver.hello()).sent[0]
        #expect(authenticate.type == "authenticate" && authenticate["token"] == .string("secret"))
        let subscribe = driver.ok(authenticate, #""user_id":"\#(me)""#).sent[0]
        #expect(subscribe.type == "subscribe" && subscribe["cursor"] == nil && subscribe["more"] == nil)
        #expect(driver.ok(subscribe, #""conversations":0"#).states == [.catchingUp])
        #expect(driver.say(.caughtUp(cursor: "c")).states == [.live])
        #expect(driver.machine.user == me)
    }

    @Test(arguments: [nil, 1000, 1006, 1011, 4001, 4002, 4003, 4005, 4006, 4007] as [UInt16?])
    func `it comes back after a loss or a code below 4500`(code: UInt16?) throws {
        var driver = MachineDriver()
        driver.goLive()
        let connect = try #require(driver.lose(code).connect)
        #expect(connect.delay <= 500 && !connect.freshToken)
    }

    @Test(arguments: [4500, 4501, 4502, 4999] as [UInt16])
    func `it stops after a code of 4500 or above`(code: UInt16) {
        var driver = MachineDriver()
        driver.goLive()
        let actions = driver.lose(code)
        #expect(actions.stopped == .closed(code: code, reason: "") && actions.connect == nil)
        #expect(driver.lose(nil) == [] && driver.pass(1000) == [])
    }

    @Test func `an expired token is replaced by a fresh one, once`() throws {
        var driver = MachineDriver()
        driver.goLive()
        #expect(try #require(driver.lose(4004).connect).freshToken)
        driver.goLive()
        #expect(try !#require(driver.lose(4001).connect).freshToken)
    }

    @Test func `a token that has expired at the door is replaced too`() throws {
        var driver = MachineDriver()
        _ = driver.machine.start()
        _ = driver.machine.opened(token: "old", at: driver.now)
        let asked = driver.say(MachineDriver.hello()).sent
        #expect(driver.refuse(asked[0], .tokenExpired) == [])
        #expect(try #require(driver.lose(nil).connect).freshToken)
    }

    @Test func `delays grow, up to a limit, and are random below it`() throws {
        var driver = MachineDriver()
        _ = driver.machine.start()
        var delays: [Int64] = []
        for attempt in 0..<40 {
            let delay = try #require(driver.lose().connect).delay
            #expect(delay <= min(30_000, 500 << min(attempt, 10)))
            delays.append(delay)
        }
        #expect(delays.suffix(30).max()! > 20_000 && delays.suffix(30).min()! < 10_000)
        #expect(Set(delays).count > 30)
    }

    @Test func `only a connection that lasted makes the next attempt come soon`() throws {
        var driver = MachineDriver()
        for _ in 0..<12 {
            driver.goLive()
            _ = driver.lose()
        }
        driver.goLive()
        driver.now += 5000
        #expect(try #require(driver.lose().connect).delay <= 500)
    }

    @Test func `a server that goes away says when to come back`() throws {
        var driver = MachineDriver()
        driver.goLive()
        #expect(driver.say(.goingAway(reconnectAfterMilliseconds: 12_345)).delivered.count == 1)
        #expect(try #require(driver.lose(4000).connect).delay == 12_345)
        #expect(try #require(driver.lose().connect).delay <= 1000)
    }

    @Test func `silence for two heartbeats ends the connection`() {
        var driver = MachineDriver()
        driver.goLive()
        #expect(driver.pass(50_000) == [])
        _ = driver.say(heartbeat("c2"))
        #expect(driver.pass(50_000) == [])
        #expect(driver.pass(1) == [.close])
        #expect(driver.pass(1) == [])
        #expect(driver.say(.message(message(1))) == [])
        let actions = driver.lose()
        #expect(actions.connect != nil)
        if case .waiting(_, let reason) = actions.states[0] { #expect(reason.contains("heartbeats")) }
    }

    @Test func `a handshake that takes too long ends the connection`() {
        var driver = MachineDriver()
        _ = driver.machine.start()
        _ = driver.machine.opened(token: "t", at: driver.now)
        #expect(driver.pass(15_000) == [])
        #expect(driver.pass(1) == [.close])
    }

    @Test(arguments: [
        "[]", "nonsense", #"{"type":7}"#, #"{"type":"caught_up"}"#, #"{"id":99,"type":"ok"}"#, #"{"id":"x","type":"ok"}"#,
        #"{"type":"message","message":{"id":"x"}}"#,
    ])
    func `what the protocol does not know ends it with an error`(text: String) {
        var driver = MachineDriver()
        driver.goLive()
        guard case .notUnderstood = driver.say(text).stopped else {
            Issue.record("\(text) was understood")
            return
        }
    }

    @Test func `events of unknown type are ignored`() {
        var driver = MachineDriver()
        driver.goLive()
        #expect(driver.say(#"{"type":"fireworks"}"#) == [])
    }

    @Test func `a subscription that is refused for good ends it, one refused for now is tried again`() {
        var driver = MachineDriver()
        var asked = driver.authenticate()
        #expect(driver.refuse(asked[0], .overloaded) == [.close])
        #expect(driver.lose().connect != nil)
        asked = driver.authenticate()
        guard case .refused(let refusal) = driver.refuse(asked[0], .tooManySubscriptions).stopped else {
            Issue.record("it went on")
            return
        }
        #expect(refusal.knownCode == .tooManySubscriptions)
    }
}
