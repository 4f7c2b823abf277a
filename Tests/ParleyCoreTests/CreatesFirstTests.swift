import Logging
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyCore

struct CreatesFirstTests {
    private let time = ManualTimeSource()
    private let activity = CreateActivity()

    @Test func `work that can wait rests four times as long as it worked while creates come in`() {
        let createsFirst = CreatesFirst(activity, timeSource: time)
        activity.created(at: time.now())
        #expect(createsFirst.restSeconds(after: .milliseconds(20)) == 0.08)
    }

    @Test func `after little work it rests for a moment, so that more comes together`() {
        let createsFirst = CreatesFirst(activity, timeSource: time)
        activity.created(at: time.now())
        #expect(createsFirst.restSeconds(after: .microseconds(10)) == CreatesFirst.minRestSeconds)
    }

    @Test func `a rest is bounded, so that notifications never stop`() {
        let createsFirst = CreatesFirst(activity, timeSource: time)
        activity.created(at: time.now())
        #expect(createsFirst.restSeconds(after: .seconds(30)) == CreatesFirst.maxRestSeconds)
    }

    @Test func `nothing rests when no create has come for a tenth of a second, or when nobody asked for it`() {
        let createsFirst = CreatesFirst(activity, timeSource: time)
        #expect(createsFirst.restSeconds(after: .seconds(1)) == 0)
        activity.created(at: time.now())
        time.advance(bySeconds: 0.1)
        #expect(createsFirst.restSeconds(after: .seconds(1)) == 0)
        #expect(CreatesFirst.notNeeded.restSeconds(after: .seconds(1)) == 0)
    }

    @Test func `a message that is appended is a create that came in`() async throws {
        let store = InMemoryStore()
        let (conversation, users) = (ConversationID.random(), Sample.users(2))
        await store.createGroup(id: conversation, title: nil, creator: users[0], others: [users[1]], at: Sample.start)
        let lane = AppendLane(
            store: store, timeSource: time, instruments: MessageInstruments(), activity: activity,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        ) { _, _ in }
        async let running: Void = lane.run()
        _ = try await lane.append(Sample.draft(in: conversation, from: users[0]), media: [])
        lane.close()
        try await running
        #expect(CreatesFirst(activity, timeSource: time).restSeconds(after: .seconds(1)) > 0)
    }
}
