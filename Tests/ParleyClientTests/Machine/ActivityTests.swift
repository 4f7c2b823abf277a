import ParleyModel
import Testing

@testable import ParleyClient

/// Whether somebody is at the client: told when it changes, and as often as the server forgets it.
@Suite struct ActivityTests {
    @Test func `nothing is told until the app says something`() {
        var driver = MachineDriver()
        driver.goLive()
        #expect(driver.pass(20_000).sent.isEmpty && driver.machine.flush(at: driver.now).isEmpty)
    }

    @Test func `a change is told at once, and the same is not told again`() {
        var driver = MachineDriver()
        driver.goLive()
        for isActive in [true, false, true] {
            #expect(driver.setActive(isActive).activities == [isActive])
            #expect(driver.setActive(isActive).isEmpty)
        }
    }

    @Test(arguments: [(nil, 30_000), (120_000, 60_000), (10, 1000)] as [(Int64?, Int64)])
    func `while active it is told again in half the time that the server believes it`(expiry: Int64?, interval: Int64) throws {
        var driver = MachineDriver()
        driver.goLive()
        let told = try #require(driver.setActive(true).sent.first)
        if let expiry { _ = driver.ok(told, #""expires_in_ms":\#(expiry)"#) }
        for _ in 0..<3 {
            #expect(driver.passHeard(interval - 1).activities == [])
            #expect(driver.passHeard(1).activities == [true])
        }
    }

    @Test func `while inactive it is told once`() throws {
        var driver = MachineDriver()
        driver.goLive()
        #expect(driver.ok(try #require(driver.setActive(false).sent.first)) == [])
        #expect(driver.passHeard(1_000_000).isEmpty)
    }

    @Test(arguments: [true, false])
    func `a new connection is told together with the subscription`(isActive: Bool) {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.setActive(isActive)
        for _ in 0..<2 {
            _ = driver.lose()
            #expect(driver.authenticate().map(\.type) == ["subscribe", "activity"])
            #expect(driver.setActive(isActive).isEmpty)
        }
    }

    @Test func `what is said while there is no connection is told by the next one, as it stands then`() {
        var driver = MachineDriver()
        #expect(driver.setActive(true).isEmpty)
        #expect(driver.setActive(false).isEmpty)
        let sent = driver.authenticate()
        #expect(sent.map(\.type) == ["subscribe", "activity"] && sent[1]["active"] == .bool(false))
    }

    @Test func `a server that says later is told later`() throws {
        var driver = MachineDriver()
        driver.goLive()
        let told = try #require(driver.setActive(false).sent.first)
        #expect(driver.refuse(told, .storageUnavailable, retryAfter: 3000) == [])
        #expect(driver.pass(2999).activities == [])
        #expect(driver.pass(1).activities == [false])
    }

    @Test func `a server that does not know the command is not asked again`() throws {
        var driver = MachineDriver()
        driver.goLive()
        let told = try #require(driver.setActive(false).sent.first)
        #expect(driver.refuse(told, .unknownCommand) == [])
        #expect(driver.pass(20_000).isEmpty)
    }

    @Test func `it stays within the server's limit of commands, and the last word is told`() {
        var driver = MachineDriver()
        driver.goLive(MachineDriver.hello(commands: 10))
        var told: [Bool] = []
        for number in 0..<41 { told += driver.setActive(number.isMultiple(of: 2)).activities }
        #expect((1...5).contains(told.count))
        for _ in 0..<10 { told += driver.pass(100).activities }
        #expect(told.last == true)
    }
}

extension MachineDriver {
    mutating func setActive(_ isActive: Bool) -> [Action] { machine.setActive(isActive, at: now) }

    /// Time passes on a connection that is heard of.
    mutating func passHeard(_ milliseconds: Int64) -> [Action] {
        machine.heard(at: now + milliseconds)
        return pass(milliseconds)
    }
}

extension [ClientStateMachine.Action] {
    /// What the server is told of activity.
    fileprivate var activities: [Bool] {
        sent.filter { $0.type == "activity" }.compactMap { if case .bool(let value)? = $0["active"] { value } else { nil } }
    }
}
