import ParleyModel
import Testing

@testable import ParleyClient

/// A subscription goes in as many commands as the server's limits ask for.
struct SubscriptionTests {
    private func id(_ number: Int) -> ConversationID { ConversationID(high: 1, low: UInt64(number)) }

    private func resume(_ count: Int, number: Int64 = 1) -> ResumeState {
        var resume = ResumeState()
        resume.note(.caughtUp(cursor: "c1"))
        for place in 0..<count { resume.note(.skipped(id(place), after: 0, through: number)) }
        return resume
    }

    private func named(_ part: JSONObject) -> [ConversationID]? {
        part.member("conversation_ids") == nil ? nil : try? part.ids("conversation_ids")
    }

    @Test func `more conversations than fit in one command are named in several`() {
        let ids = (0..<25).map(id)
        var driver = MachineDriver { $0.conversationIDs = ids }
        let asked = driver.authenticate(MachineDriver.hello(positions: 10))
        #expect(asked.map { named($0)?.count } == [10, 10, 5])
        #expect(asked.flatMap { named($0) ?? [] } == ids)
        #expect(asked.map { $0["more"] } == [.bool(true), .bool(true), nil])
        guard asked.count == 3 else { return }
        #expect((driver.ok(asked[0]) + driver.ok(asked[1])).states.isEmpty)
        #expect(driver.ok(asked[2], #""conversations":25"#).states == [.catchingUp])
    }

    @Test func `positions, conversations, cursor and replay limit are each said once`() {
        let ids = (0..<8).map(id)
        var driver = MachineDriver(resume: resume(14)) {
            $0.conversationIDs = ids
            $0.replayLimit = 50
        }
        let asked = driver.authenticate(MachineDriver.hello(positions: 10))
        #expect(asked.map(\.positionCount) == [10, 4, 0])
        #expect(asked.map { named($0)?.count } == [nil, 6, 2])
        #expect(asked.map { $0["cursor"] } == [nil, nil, .string("c1")])
        #expect(asked.map { $0["replay_limit"] } == [nil, nil, .integer(50)])
        #expect(asked.flatMap { named($0) ?? [] } == ids)
    }

    @Test(arguments: [1024, 65_536] as [Int64])
    func `no command is longer than the server reads`(frameBytes: Int64) {
        let ids = (0..<3000).map(id)
        var driver = MachineDriver(resume: resume(3000, number: .max)) { $0.conversationIDs = ids }
        _ = driver.machine.start()
        _ = driver.machine.opened(token: "t", at: driver.now)
        let authenticate = driver.say(MachineDriver.hello(frameBytes: frameBytes)).sent[0]
        let actions = driver.ok(authenticate, #""user_id":"\#(me)""#)
        let lengths = actions.compactMap { if case .send(let text) = $0 { text.count } else { nil } }
        #expect(lengths.allSatisfy { $0 <= frameBytes })
        #expect(actions.sent.map(\.positionCount).reduce(0, +) == 3000)
        #expect(actions.sent.flatMap { named($0) ?? [] } == ids)
    }

    @Test func `an empty list of conversations is none of them, and no list all`() {
        var none = MachineDriver { $0.conversationIDs = [] }
        #expect(none.authenticate().map { named($0) } == [[]])
        var all = MachineDriver()
        #expect(all.authenticate().map { named($0) } == [nil])
    }

    @Test func `a list that fills its last command is not followed by an empty one`() {
        let ids = (0..<20).map(id)
        var driver = MachineDriver { $0.conversationIDs = ids }
        #expect(driver.authenticate(MachineDriver.hello(positions: 10)).map { named($0)?.count } == [10, 10])
    }
}
