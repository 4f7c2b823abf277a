import NIOCore
import Testing

@testable import ParleyBench

struct OpenLoopScheduleTests {
    @Test(arguments: [1, 3, 7, 1000])
    func `a message is due at its time and not before`(conversations: Int) {
        let schedule = OpenLoopSchedule(conversations: conversations)
        for message in 0..<3 * conversations {
            let (conversation, round) = schedule.place(of: message)
            let time = schedule.time(of: round, in: conversation)
            #expect(schedule.due(after: time) == message + 1)
            #expect(schedule.due(after: time - .nanoseconds(1)) == message)
        }
    }

    @Test func `each conversation gets one message a second`() {
        let schedule = OpenLoopSchedule(conversations: 4)
        #expect(schedule.due(after: .nanoseconds(-1)) == 0)
        #expect(schedule.time(of: 0, in: 0) == .zero)
        #expect(schedule.time(of: 0, in: 2) == .milliseconds(500))
        #expect(schedule.time(of: 5, in: 3) == .milliseconds(5750))
    }

    @Test func `bounds of waiting double up to the highest`() {
        let backoff = Backoff(firstMilliseconds: 100, maxMilliseconds: 1000)
        #expect((0..<6).map(backoff.bound) == [100, 200, 400, 800, 1000, 1000])
        #expect(backoff.bound(before: 1_000_000) == 1000)
        for attempt in 0..<100 {
            let delay = backoff.delay(before: attempt)
            #expect(delay >= .milliseconds(1) && delay <= .milliseconds(1000))
        }
    }
}
