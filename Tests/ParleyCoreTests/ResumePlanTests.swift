import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

struct ResumePlanTests {
    private static let id = ConversationID.random()
    private static let cursor = ResumeCursor(mark: ActivityMark(40), time: Sample.time(1000))

    struct Case: Sendable, CustomStringConvertible {
        let description: String
        let request: ResumeRequest
        let position: Int64
        var skippedAfter: Int64?
    }

    /// The conversation has 50 messages, 20 of which were there at the cursor.
    static let cases = [
        Case(description: "nothing known: live from now on", request: ResumeRequest(), position: 50),
        Case(description: "a cursor", request: ResumeRequest(cursor: cursor), position: 20),
        Case(description: "a position", request: ResumeRequest(positions: [id: 30]), position: 30),
        Case(description: "a position of 0: all of it", request: ResumeRequest(positions: [id: 0]), position: 0),
        Case(description: "a position wins", request: ResumeRequest(cursor: cursor, positions: [id: 45]), position: 45),
        Case(
            description: "a position wins, also when it is lower", request: ResumeRequest(cursor: cursor, positions: [id: 3]), position: 3),
        Case(description: "ahead of the store", request: ResumeRequest(positions: [id: 99]), position: 50),
        Case(description: "below nothing", request: ResumeRequest(positions: [id: -7]), position: 0),
        Case(description: "as many as wanted", request: ResumeRequest(positions: [id: 30], replayLimit: 20), position: 30),
        Case(description: "too many", request: ResumeRequest(positions: [id: 30], replayLimit: 19), position: 50, skippedAfter: 30),
        Case(description: "none wanted", request: ResumeRequest(cursor: cursor, replayLimit: 0), position: 50, skippedAfter: 20),
        Case(description: "none wanted and none missed", request: ResumeRequest(positions: [id: 50], replayLimit: 0), position: 50),
    ]

    @Test(arguments: cases)
    func `where a conversation goes on`(_ example: Case) {
        let plan = ResumePlan(example.request, standings: standings(joinedAt: Sample.start), at: Sample.time(2000))
        let wanted = ResumePlan.Start(
            conversationID: Self.id, position: example.position, lastSequence: 50, skippedAfter: example.skippedAfter)
        #expect(plan.starts == [wanted])
        #expect(plan.cursor == ResumeCursor(mark: ActivityMark(90), time: Sample.time(2000)))
    }

    @Test func `a conversation that the user joined since is new, unless the client has a position in it`() {
        for (joined, positions, isNew) in [(500, [:], false), (1500, [:], true), (1500, [Self.id: 7], false)]
            as [(Double, [ConversationID: Int64], Bool)]
        {
            let request = ResumeRequest(cursor: Self.cursor, positions: positions)
            let plan = ResumePlan(request, standings: standings(joinedAt: Sample.time(joined)), at: Sample.time(2000))
            let missed = MissedChanges(conversations: [Self.id], left: [], markers: [])
            #expect(plan.starts.map(\.isNew) == [isNew])
            #expect(plan.changes(missed).changed == (isNew ? [] : [Self.id]))
        }
    }

    @Test func `what the user is not in any more is told, whether named or not`() {
        let (named, unnamed) = (ConversationID.random(), ConversationID.random())
        let request = ResumeRequest(cursor: Self.cursor, positions: [named: 3, Self.id: 4])
        let plan = ResumePlan(request, standings: standings(joinedAt: Sample.start), at: Sample.time(2000))
        let missed = MissedChanges(conversations: [], left: [unnamed, Self.id], markers: [])
        #expect(Set(plan.changes(missed).removed) == [named, unnamed])
    }

    @Test func `only the conversations that were asked for take part`() {
        let plan = ResumePlan(ResumeRequest(only: [.random()]), standings: standings(joinedAt: Sample.start), at: Sample.start)
        #expect(plan.starts.isEmpty)
        #expect(plan.changes(MissedChanges(conversations: [Self.id], left: [], markers: [])).changed.isEmpty)
    }

    // MARK: What clients carry along

    @Test(arguments: [
        "", "1", "1.2", "1.2.3.4", "2.2.3", "1.-2.3", "1.2.-3", "1.2.x", "1.9223372036854775808.0", "1.2.253402300800000", " 1.2.3",
    ])
    func `a cursor that nobody gave out is refused`(text: String) {
        #expect(ResumeCursor(text) == nil)
    }

    @Test func `a cursor is read as it was written`() {
        for cursor in [
            Self.cursor, ResumeCursor(mark: ActivityMark(0), time: Timestamp(milliseconds: 0)),
            ResumeCursor(mark: ActivityMark(.max), time: .distantFuture),
        ] {
            #expect(ResumeCursor(cursor.text) == cursor)
        }
    }

    @Test func `a stream's id names how far it came since its cursor, and forgets what an older cursor was followed by`() throws {
        var id = EventStreamID(Self.cursor)
        #expect(id.text == Self.cursor.text)
        let (one, other) = (ConversationID.random(), ConversationID.random())
        for (conversation, number) in [(one, 1), (other, 7), (one, 2)] as [(ConversationID, Int64)] { id.wrote(number, in: conversation) }
        #expect(try #require(EventStreamID(id.text)).positions == [one: 2, other: 7])
        let next = ResumeCursor(mark: ActivityMark(60), time: Sample.time(1025))
        id = id.advanced(to: next)
        #expect(id.positions == [one: 2, other: 7])
        id.wrote(3, in: one)
        #expect(try #require(EventStreamID(id.text)).positions == [one: 3, other: 7])
        id = id.advanced(to: next)
        #expect(id.positions == [one: 3])
        #expect(id.request(replayLimit: 5) == ResumeRequest(cursor: next, positions: [one: 3], replayLimit: 5))
    }

    @Test func `however much is written, an id stays small and never names what was not written`() throws {
        var id = EventStreamID(Self.cursor)
        var newest: [ConversationID: Int64] = [:]
        for number in 1...1000 as ClosedRange<Int64> {
            let conversation = number % 3 == 0 ? Self.id : ConversationID.random()
            newest[conversation] = number
            id.wrote(number, in: conversation)
            #expect(id.text.utf8.count < 500)
        }
        for (conversation, number) in try #require(EventStreamID(id.text)).positions { #expect(newest[conversation] == number) }
    }

    private func standings(joinedAt: Timestamp) -> UserStandings {
        UserStandings(
            mark: ActivityMark(90),
            conversations: [ConversationStanding(conversationID: Self.id, lastSequence: 50, sequenceAtMark: 20, joinedAt: joinedAt)])
    }
}
