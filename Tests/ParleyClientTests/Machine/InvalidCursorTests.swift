import ParleyModel
import Testing

@testable import ParleyClient

/// A server that does not know the cursor: another version wrote it, or another server.
struct InvalidCursorTests {
    /// A client that was told messages 1 to 3 of home, which its cursor covers, and message 5 of work.
    private func resuming() -> MachineDriver {
        var driver = MachineDriver()
        driver.goLive(cursor: "c1")
        for number in 1...3 as ClosedRange<Int64> { _ = driver.say(.message(message(number))) }
        _ = driver.say(heartbeat("c2"))
        _ = driver.say(.message(message(5, in: work)))
        _ = driver.lose()
        return driver
    }

    @Test func `a cursor that is refused is forgotten, and every known position named instead`() {
        var driver = resuming()
        let refused = driver.authenticate()[0]
        #expect(refused["cursor"] == .string("c2") && refused.positionCount == 1)
        let actions = driver.refuse(refused, .invalidCursor)
        #expect(actions.stopped == nil)
        guard let again = actions.sent.first else { return }
        #expect(again.type == "subscribe" && again["cursor"] == nil)
        let positions = [(home.description, JSONValue.integer(3)), (work.description, JSONValue.integer(5))]
        #expect(again["positions"] == .object(JSONObject(members: positions)))
        #expect(driver.ok(again, #""conversations":2"#).states == [.startingAnew, .catchingUp])
        #expect(driver.say(.message(message(3))) == [])
        #expect(driver.say(.message(message(4))).numbers == [4])
        #expect(driver.say(.caughtUp(cursor: "c3")).states == [.live])
        _ = driver.lose()
        #expect(driver.authenticate()[0]["cursor"] == .string("c3"))
    }

    @Test func `without positions it subscribes as if for the first time`() throws {
        var resume = ResumeState()
        resume.note(.caughtUp(cursor: "yesterday"))
        var driver = MachineDriver(resume: resume)
        let actions = driver.refuse(driver.authenticate()[0], .invalidCursor)
        #expect(actions.stopped == nil)
        guard let again = actions.sent.first else { return }
        #expect(again["cursor"] == nil && again["positions"] == nil)
        #expect(driver.ok(again, #""conversations":0,"cursor":"c1""#).states == [.startingAnew, .catchingUp])
        _ = driver.lose()
        #expect(driver.ok(driver.authenticate()[0], #""conversations":0"#).states == [.catchingUp])
    }

    @Test func `a second refusal in a row ends it, also on the next connection`() {
        for isLost in [false, true] {
            var driver = resuming()
            var asked = driver.refuse(driver.authenticate()[0], .invalidCursor).sent
            if isLost {
                #expect(driver.lose().connect != nil)
                asked = driver.authenticate()
            }
            #expect(asked.count == 1)
            guard let command = asked.first else { return }
            let refusal = Refusal(code: "invalid_cursor", detail: "d", isRetryable: false)
            #expect(driver.refuse(command, .invalidCursor).stopped == .refused(refusal))
        }
    }

    @Test func `after a success a cursor may be refused again`() {
        var driver = resuming()
        for _ in 0..<3 {
            let again = driver.refuse(driver.authenticate()[0], .invalidCursor).sent
            #expect(again.count == 1)
            guard let command = again.first else { return }
            _ = driver.ok(command, #""conversations":2"#)
            _ = driver.say(.caughtUp(cursor: "c4"))
            _ = driver.lose()
        }
    }
}
