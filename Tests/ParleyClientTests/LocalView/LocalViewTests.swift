import ParleyClient
import ParleyModel
import Testing

/// What a snapshot and events make of one conversation.
struct Story: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var snapshot: ConversationView? = view(last: 5, read: 5)
    let events: [Event]
    let expected: ConversationView?

    init(_ name: String, from snapshot: ConversationView? = view(last: 5, read: 5), _ events: [Event], gives expected: ConversationView?) {
        testDescription = name
        self.snapshot = snapshot
        self.events = events
        self.expected = expected
    }

    static let messages = [
        Story("a message of another counts", [.message(message(6))], gives: view(last: 6, read: 5)),
        Story("one's own message does not", [.message(message(6, from: me))], gives: view(last: 6, read: 5, unread: 0, lastSender: me)),
        Story("a repeat changes nothing", [.message(message(6)), .message(message(6))], gives: view(last: 6, read: 5)),
        Story("what the snapshot has changes nothing", [.message(message(4)), .message(message(5))], gives: view(last: 5, read: 5)),
    ]

    static let reads = [
        Story(
            "a read in order", [.message(message(6)), .message(message(7)), ownRead(6, unread: 1, last: 7)],
            gives: view(last: 7, read: 6)),
        Story(
            "a read that messages overtook", [.message(message(6)), .message(message(7)), ownRead(6, unread: 0, last: 6)],
            gives: view(last: 7, read: 6, unread: 1)),
        Story(
            "own messages that overtook a read do not count",
            [.message(message(6)), .message(message(7, from: me)), .message(message(8)), ownRead(6, unread: 0, last: 6)],
            gives: view(last: 8, read: 6, unread: 1)),
        Story(
            "a read that overtook messages", [ownRead(5, unread: 2, last: 7), .message(message(6)), .message(message(7))],
            gives: view(last: 7, read: 5, unread: 2)),
        Story(
            "messages after a read that overtook some",
            [ownRead(6, unread: 1, last: 7), .message(message(6)), .message(message(7)), .message(message(8))],
            gives: view(last: 8, read: 6, unread: 2)),
        Story(
            "a late older read", [.message(message(6)), ownRead(6, unread: 0, last: 6), ownRead(5, unread: 1, last: 6)],
            gives: view(last: 6, read: 6, unread: 0)),
        Story(
            "a read told twice",
            [.message(message(6)), ownRead(6, unread: 0, last: 6), .message(message(7)), ownRead(6, unread: 0, last: 6)],
            gives: view(last: 7, read: 6, unread: 1)),
        Story(
            "a read of another is not one's own", [.read(ReadMarker(conversationID: home, userID: ben, sequenceNumber: 5))],
            gives: view(last: 5, read: 5)),
    ]

    static let changes = [
        Story(
            "a new title", [.conversation(.updated(home, ConversationStamp(version: 2, title: "Den", participantCount: 3)))],
            gives: view(last: 5, read: 5, version: 2, title: "Den")),
        Story(
            "a late title is old news",
            [
                .conversation(.updated(home, ConversationStamp(version: 3, title: nil, participantCount: 4))),
                .conversation(.updated(home, ConversationStamp(version: 2, title: "Den", participantCount: 3))),
            ], gives: view(last: 5, read: 5, version: 3, title: nil, count: 4)),
        Story(
            "somebody joins", [participantEvent(.joined, eve, .member, count: 4, version: 2)],
            gives: view(last: 5, read: 5, version: 2, count: 4)),
        Story(
            "a title overtaken by a participant is still news",
            [
                participantEvent(.joined, eve, .member, count: 4, version: 3),
                .conversation(.updated(home, ConversationStamp(version: 2, title: "Den", participantCount: 3))),
            ], gives: view(last: 5, read: 5, version: 3, title: "Den", count: 4)),
        Story(
            "one's own role", [participantEvent(.role, me, .admin, count: 3, version: 2)],
            gives: view(last: 5, read: 5, version: 2, role: .admin)),
        Story(
            "a late role is old news",
            [participantEvent(.role, me, .admin, count: 3, version: 3), participantEvent(.role, me, .readOnly, count: 3, version: 2)],
            gives: view(last: 5, read: 5, version: 3, role: .admin)),
        Story("a mute", [.mute(home, MuteState(.forever, at: start))], gives: view(last: 5, read: 5, mute: .forever)),
        Story("a level", [.notificationLevel(home, .mentions)], gives: view(last: 5, read: 5, level: .mentions)),
    ]

    static let views = [
        Story("added", from: nil, [.conversation(.added(view(last: 2), at: start))], gives: view(last: 2)),
        Story("removed", [.conversation(.removed(home))], gives: nil),
        Story(
            "removed and added again",
            [.conversation(.removed(home)), .conversation(.added(view(last: 3, read: 3, version: 1), at: start))],
            gives: view(last: 3, read: 3, version: 1)),
        Story(
            "a newer view replaces",
            [.conversation(.refreshed(view(last: 9, read: 7, version: 4, title: "Den", mute: .forever), at: start))],
            gives: view(last: 9, read: 7, version: 4, title: "Den", mute: .forever)),
        Story(
            "a view with older messages and a newer title",
            [
                .message(message(6)),
                .conversation(.refreshed(view(last: 5, read: 5, version: 2, title: "Den"), at: start)),
            ], gives: view(last: 6, read: 5, version: 2, title: "Den")),
        Story(
            "a view with newer messages and an older title", from: view(last: 5, read: 5, version: 3, title: "Den"),
            [.conversation(.refreshed(view(last: 7, read: 5, version: 2), at: start))],
            gives: view(last: 7, read: 5, version: 3, title: "Den")),
        Story(
            "messages that follow the view that had them",
            [
                .conversation(.refreshed(view(last: 7, read: 5, unread: 1), at: start)), .message(message(6, from: me)),
                .message(message(7)),
            ],
            gives: view(last: 7, read: 5, unread: 1)),
        Story(
            "a view whose marker is older than one's own",
            [
                .message(message(6)), ownRead(6, unread: 0, last: 6),
                .conversation(.refreshed(view(last: 7, read: 5), at: start)), .message(message(7)),
            ], gives: view(last: 7, read: 6, unread: 1)),
    ]
}

struct LocalViewTests {
    @Test(arguments: Story.messages + Story.reads + Story.changes + Story.views)
    func `a snapshot and events give the fresh snapshot`(story: Story) {
        var local = LocalView(user: me)
        local.begin(with: story.snapshot.map { [$0] } ?? [])
        for event in story.events { local.apply(event) }
        #expect(local.conversation(home) == story.expected)
        #expect(local.needsRefresh.isEmpty)
    }

    @Test(arguments: Story.messages + Story.reads + Story.changes + Story.views)
    func `events that came before the snapshot are held for it`(story: Story) {
        var local = LocalView(user: me)
        for event in story.events { local.apply(event) }
        #expect(local.conversations.isEmpty && !local.hasBegun)
        local.begin(with: story.snapshot.map { [$0] } ?? [])
        #expect(local.conversation(home) == story.expected)
    }

    @Test func `a read older than what is remembered asks for a fresh view`() {
        var local = LocalView(user: me)
        local.begin(with: [view()])
        for number in 1...1500 as ClosedRange<Int64> { local.apply(.message(message(number))) }
        local.apply(ownRead(1200, unread: 0, last: 1200))
        #expect(local.conversation(home)?.readState.unreadCount == 300 && local.needsRefresh.isEmpty)
        local.apply(ownRead(1201, unread: 299, last: 1500))
        #expect(local.conversation(home)?.readState.unreadCount == 299)

        var far = LocalView(user: me)
        far.begin(with: [view()])
        for number in 1...1500 as ClosedRange<Int64> { far.apply(.message(message(number))) }
        far.apply(ownRead(2, unread: 0, last: 2))
        #expect(far.needsRefresh == [home])
        far.add(view(last: 1500, read: 2))
        #expect(far.needsRefresh.isEmpty && far.conversation(home) == view(last: 1500, read: 2))
    }

    @Test func `skipped messages leave a hole that a fresh view fills`() {
        var local = LocalView(user: me)
        local.begin(with: [view(last: 5, read: 5)])
        local.apply(.skipped(home, after: 5, through: 90))
        #expect(local.needsRefresh == [home])
        local.apply(.message(message(91)))
        #expect(local.needsRefresh == [home])
        local.add(view(last: 91, read: 5))
        #expect(local.needsRefresh.isEmpty && local.conversation(home) == view(last: 91, read: 5))
    }

    @Test func `a conversation nobody told of is named, and its events wait for it`() {
        var local = LocalView(user: me)
        local.begin(with: [])
        local.apply(.message(message(6)))
        local.apply(.message(message(7)))
        #expect(local.needsRefresh == [home] && local.conversations.isEmpty)
        local.add(view(last: 6, read: 5))
        #expect(local.needsRefresh.isEmpty && local.conversation(home) == view(last: 7, read: 5))
    }

    @Test func `events that come after a conversation was left are dropped, until its view comes`() {
        var local = LocalView(user: me)
        local.begin(with: [view(last: 5, read: 5)])
        local.apply(.conversation(.removed(home)))
        for event in [.message(message(6)), .skipped(home, after: 6, through: 8), ownRead(5, unread: 0, last: 5)] as [Event] {
            local.apply(event)
        }
        local.apply(participantEvent(.left, me, nil, count: 2, version: 2))
        local.apply(.conversation(.updated(home, ConversationStamp(version: 3, title: "Den", participantCount: 2))))
        #expect(local.needsRefresh.isEmpty && local.conversations.isEmpty)
        local.apply(.conversation(.added(view(last: 9, read: 9, version: 4), at: start)))
        local.apply(.message(message(10)))
        #expect(local.needsRefresh.isEmpty && local.conversation(home) == view(last: 10, read: 9, version: 4))
    }

    /// After a resume live events may come before the view of a conversation that was joined meanwhile.
    @Test(arguments: [false, true])
    func `on the next connection events of a conversation that was left wait for its view again`(isHeld: Bool) {
        var local = LocalView(user: me)
        if !isHeld { local.begin(with: [view(last: 5, read: 5)]) }
        local.apply(.conversation(.removed(home)))
        local.apply(.message(message(6)))
        local.apply(MachineDriver.hello())
        local.apply(.message(message(9)))
        if isHeld { local.begin(with: [view(last: 5, read: 5)]) }
        #expect(local.needsRefresh == [home])
        local.apply(.conversation(.added(view(last: 8, read: 8), at: start)))
        #expect(local.needsRefresh.isEmpty && local.conversation(home) == view(last: 9, read: 8))
    }

    @Test func `a second snapshot takes out what it does not hold`() {
        var local = LocalView(user: me)
        local.begin(with: [view(last: 5, read: 5), view(work)])
        local.restart()
        local.apply(.message(message(6)))
        local.begin(with: [view(last: 5, read: 5)])
        #expect(local.conversations == [view(last: 6, read: 5)])
    }

    @Test func `too many held events ask for a fresh view`() {
        var local = LocalView(user: me)
        for number in 1...Int64(LocalView.maxHeldEvents) + 1 { local.apply(.message(message(number))) }
        local.begin(with: [view(last: 5, read: 5)])
        #expect(local.needsRefresh == [home])
    }

    @Test func `conversations are listed by their newest activity`() {
        var local = LocalView(user: me)
        local.begin(with: [view(home, last: 5), view(work, last: 6)])
        #expect(local.conversations.map(\.conversation.id) == [work, home])
        local.apply(.message(message(7)))
        local.apply(.message(message(6)))
        #expect(local.conversations.map(\.conversation.id) == [home, work])
    }
}
