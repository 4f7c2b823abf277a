import Foundation
import ParleyModel
import Testing

@testable import ParleyClient

/// Each message once and in order, over any number of connections.
struct ResumeTests {
    @Test func `a second connection asks from the cursor and the positions since`() {
        var driver = MachineDriver()
        driver.goLive(cursor: "c1")
        for number in 1...3 as ClosedRange<Int64> { #expect(driver.say(.message(message(number))).numbers == [number]) }
        _ = driver.lose()
        let subscribe = driver.authenticate()[0]
        #expect(subscribe["cursor"] == .string("c1"))
        #expect(subscribe["positions"] == .object(JSONObject(members: [(home.description, .integer(3))])))
    }

    @Test func `a newer cursor takes the place of positions`() {
        var driver = MachineDriver()
        driver.goLive(cursor: "c1")
        _ = driver.say(.message(message(1)))
        _ = driver.say(heartbeat(nil))
        #expect(driver.machine.resume.cursor == "c1" && driver.machine.resume.positions == [home: 1])
        _ = driver.say(heartbeat("c2"))
        _ = driver.say(.message(message(1, in: work)))
        _ = driver.lose()
        let subscribe = driver.authenticate()[0]
        #expect(subscribe["cursor"] == .string("c2"))
        #expect(subscribe["positions"] == .object(JSONObject(members: [(work.description, .integer(1))])))
    }

    @Test func `messages that came live before everything had been caught up keep their positions`() {
        var driver = MachineDriver()
        let asked = driver.authenticate()
        _ = driver.ok(asked[0], #""conversations":1"#)
        _ = driver.say(.message(message(9)))
        _ = driver.say(.caughtUp(cursor: "c1"))
        #expect(driver.machine.resume.positions == [home: 9])
    }

    @Test func `what was told already is dropped, also what a cursor covers`() {
        var driver = MachineDriver()
        driver.goLive()
        for number in 1...3 as ClosedRange<Int64> { _ = driver.say(.message(message(number))) }
        _ = driver.say(heartbeat("c2"))
        _ = driver.lose()
        driver.goLive()
        #expect(driver.say(.message(message(2))) == [] && driver.say(.message(message(3))) == [])
        #expect(driver.say(.message(message(4))).numbers == [4])
    }

    @Test func `a hole is named`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(1)))
        #expect(driver.say(.message(message(5))).delivered == [.skipped(home, after: 1, through: 4), .message(message(5))])
        #expect(driver.say(.message(message(3))) == [])
    }

    @Test func `skipped messages move the position`() {
        var driver = MachineDriver { $0.replayLimit = 100 }
        #expect(driver.authenticate()[0]["replay_limit"] == .integer(100))
        _ = driver.lose()
        driver.goLive()
        _ = driver.say(.skipped(home, after: 3, through: 900))
        #expect(driver.say(.message(message(901))).delivered == [.message(message(901))])
        #expect(driver.machine.resume.positions == [home: 901])
    }

    @Test func `a conversation that was left starts anew`() {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(7)))
        _ = driver.say(.conversation(.removed(home)))
        #expect(driver.machine.resume.positions.isEmpty)
        #expect(driver.say(.message(message(3))).numbers == [3])
    }

    @Test func `more positions than one command may hold go in several`() {
        var driver = MachineDriver()
        driver.goLive()
        for number in 1...25 as ClosedRange<UInt64> {
            _ = driver.say(.message(message(1, in: ConversationID(high: 1, low: number))))
        }
        _ = driver.lose()
        let asked = driver.authenticate(MachineDriver.hello(positions: 10))
        #expect(asked.map(\.positionCount) == [10, 10, 5])
        #expect(asked.map { $0["more"] } == [.bool(true), .bool(true), nil])
        #expect(asked.map { $0["cursor"] } == [nil, nil, .string("c1")])
        #expect(driver.ok(asked[0]).states.isEmpty && driver.ok(asked[1]).states.isEmpty)
        #expect(driver.ok(asked[2], #""conversations":25"#).states == [.catchingUp])
    }

    @Test func `what was saved goes on in the next run`() throws {
        var driver = MachineDriver()
        driver.goLive()
        _ = driver.say(.message(message(3, in: work)))
        _ = driver.say(heartbeat("c2"))
        _ = driver.say(.message(message(5)))
        let saved = try JSONDecoder().decode(ResumeState.self, from: JSONEncoder().encode(driver.machine.resume))
        #expect(saved == driver.machine.resume)
        var next = MachineDriver(resume: saved)
        let subscribe = next.authenticate()[0]
        #expect(subscribe["cursor"] == .string("c2") && subscribe.positionCount == 1)
        #expect(next.say(.message(message(5))) == [] && next.say(.message(message(3, in: work))) == [])
        #expect(next.say(.message(message(6))).numbers == [6])
    }

    /// Any server that keeps its word, losing connections at any moment and repeating at will.
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `each message comes once and in order, whenever connections are lost`(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        var driver = MachineDriver()
        driver.goLive()
        var stored: Int64 = 0
        var covered: Int64 = 0
        var got: [Int64] = []
        for _ in 0..<60 {
            switch Int.random(in: 0..<6, using: &random) {
            case 0:
                _ = driver.lose()
                stored += Int64.random(in: 0...3, using: &random)
                driver.goLive(cursor: "at \(stored)")
                let from = max(0, (driver.machine.resume.positions[home] ?? covered) - Int64.random(in: 0...2, using: &random))
                for number in stride(from: from + 1, through: stored, by: 1) { got += driver.say(.message(message(number))).numbers }
            case 1:
                covered = stored
                _ = driver.say(heartbeat("at \(stored)"))
            default:
                stored += 1
                got += driver.say(.message(message(stored))).numbers
            }
        }
        #expect(got == Array(stride(from: 1, through: stored, by: 1)))
    }
}
