import ParleyCore
import ParleyModel

extension ConversationStoreConformance {
    static let readMarkers: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a read marker only advances, and no farther than the last message") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            try await stores.send(10, in: id, from: users[0])
            let steps: [(to: Int64, marker: Int64)] = [
                (0, 0), (-1, 0), (.min, 0), (3, 3), (2, 3), (0, 3), (7, 7), (7, 7), (11, 10), (5, 10), (.max, 10),
            ]
            for step in steps {
                let state = try await stores.conversations.advanceRead(of: users[1], in: id, to: step.to)
                let expected = ReadState(lastReadSequence: step.marker, unreadCount: 10 - step.marker, lastSequence: 10)
                try checkEqual(state, expected, "the answer to \(step.to)")
                try checkEqual(try await stores.view(id, users[1]).readState, expected, "the view after \(step.to)")
            }
            try await stores.send(2, in: id, from: users[0])
            try checkEqual(
                try await stores.view(id, users[1]).readState, ReadState(lastReadSequence: 10, unreadCount: 2, lastSequence: 12),
                "afterwards")
            let participants = try await stores.conversations.participants(of: id, limit: 5, cursor: nil).participants
            try checkEqual(participants.first { $0.userID == users[1] }?.lastReadSequence, 10, "the participant's marker")
        },
        ConformanceCase("in a conversation without messages the marker stays at 0") { stores in
            let user = Sample.users(1)[0]
            let id = try await stores.group([user])
            let state = try await stores.conversations.advanceRead(of: user, in: id, to: 5)
            try checkEqual(state, ReadState(lastReadSequence: 0, unreadCount: 0, lastSequence: 0), "the answer")
        },
        ConformanceCase("markers set by many tasks end at the highest") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            try await stores.send(64, in: id, from: users[0])
            let states = try await concurrently(64) { number in
                try await stores.conversations.advanceRead(of: users[1], in: id, to: Int64(number * 37 % 64))
            }
            for (number, state) in states.enumerated() {
                let state = try checkPresent(state, "a read state")
                try check(state.lastReadSequence >= number * 37 % 64, "a marker not behind the one that was asked for")
                try checkEqual(state.unreadCount, 64 - state.lastReadSequence, "the unread count of the answer")
            }
            let expected = ReadState(lastReadSequence: 63, unreadCount: 1, lastSequence: 64)
            try checkEqual(try await stores.view(id, users[1]).readState, expected, "the read state at the end")
        },
        ConformanceCase("one participant's marker is nobody else's") { stores in
            let users = Sample.users(3)
            let id = try await stores.group(users)
            try await stores.send(4, in: id, from: users[0])
            _ = try await stores.conversations.advanceRead(of: users[1], in: id, to: 4)
            try checkEqual(try await stores.unread(id, users[1]), 0, "the reader's unread count")
            try checkEqual(try await stores.unread(id, users[2]), 4, "the other's unread count")
        },
    ]

    static let counts: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("own messages are never unread, others' are until they are read, direct or group (P4)") { stores in
            let users = Sample.users(2)
            for id in [try await stores.direct(users[0], users[1]), try await stores.group(users)] {
                for sender in [0, 1, 0, 0, 1] { try await stores.send(Sample.draft(in: id, from: users[sender])) }
                try checkEqual(try await stores.unread(id, users[0]), 2, "the first user's unread count")
                try checkEqual(try await stores.unread(id, users[1]), 3, "the second user's unread count")
                let expected: [(marker: Int64, unread: Int64)] = [(1, 2), (2, 2), (3, 1), (4, 0), (5, 0)]
                for step in expected {
                    let state = try await stores.conversations.advanceRead(of: users[1], in: id, to: step.marker)
                    try checkEqual(state?.unreadCount, step.unread, "the unread count after reading to \(step.marker)")
                }
            }
        },
        ConformanceCase("the last message of a conversation is the highest one (P4)") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            let batch = (0..<5).map { NewMessage.sample($0, in: id, from: users[$0 % 2]) }
            let sent = try await stores.send(batch)
            for user in users {
                let conversation = try await stores.view(id, user).conversation
                let expected = LastMessage(id: batch[4].id, at: batch[4].createdAt, preview: batch[4].preview)
                try checkEqual(conversation.lastMessage, expected, "the last message")
                try checkEqual(conversation.lastSequence, 5, "the last number")
            }
            // A clock that went back does not make an older message the last one.
            let late = Sample.draft(in: id, from: users[0], "Late", at: Sample.time(-100))
            try await stores.send(late)
            try checkEqual(
                try await stores.view(id, users[1]).conversation.lastMessage,
                LastMessage(id: late.id, at: late.createdAt, preview: "Late"), "the last message of a clock that went back")
            try checkEqual(sent.count, 5, "outcomes")
        },
        ConformanceCase("a preview comes back as it was given") { stores in
            let user = Sample.users(1)[0]
            let id = try await stores.group([user])
            for preview in ["📷 3 photos", "👩‍👩‍👧 ...", "", "it's \"quoted\""] {
                try await stores.send(Sample.draft(in: id, from: user, preview))
                try checkEqual(try await stores.view(id, user).conversation.lastMessage?.preview, preview, "the preview")
            }
        },
        ConformanceCase("repeats change neither counts nor the last message (P3, P4)") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            try await stores.send(Sample.draft(in: id, from: users[0], "First", key: "k"))
            let last = try await stores.send(Sample.draft(in: id, from: users[0], "Last"))
            try await stores.send([Sample.draft(in: id, from: users[0], "First", key: "k")])
            let view = try await stores.view(id, users[1])
            try checkEqual(view.conversation.lastMessage?.id, last.id, "the last message")
            try checkEqual(view.conversation.lastSequence, 2, "the last number")
            try checkEqual(view.readState.unreadCount, 2, "the unread count")
        },
        ConformanceCase("counts are true after reading while others send (P4)") { stores in
            let users = Sample.users(3)
            let id = try await stores.group(users)
            async let reading: Void = {
                for number in 1...60 as ClosedRange<Int64> {
                    let state = try await stores.conversations.advanceRead(of: users[2], in: id, to: number)
                    try check((state?.unreadCount ?? -1) >= 0, "an unread count that is not negative")
                }
            }()
            _ = try await concurrently(32) { number in
                try await stores.send((0..<3).map { .sample($0, in: id, from: users[(number + $0) % 3]) })
            }
            try await reading
            let all = try await stores.allMessages(of: id)
            try checkEqual(all.count, 96, "messages")
            for user in users {
                let state = try await stores.view(id, user).readState
                let unread = all.count { $0.sequenceNumber > state.lastReadSequence && $0.senderID != user }
                try checkEqual(state.unreadCount, Int64(unread), "the unread count")
            }
            try checkEqual(try await stores.view(id, users[0]).conversation.lastMessage?.id, all[95].id, "the last message")
        },
        ConformanceCase("random sends, reads, joins and leaves give the counts of a naive model (P2, P4)") { stores in
            try await withSeed { random in
                let users = Sample.users(4)
                let id = try await stores.group(users)
                var model = NaiveConversation(users: users)
                for step in 0..<150 {
                    let user = random.pick(users)
                    switch random.number(0...9) {
                    case 0...4:
                        let batch = (0..<random.number(1...4)).map { _ in Sample.draft(in: id, from: random.pick(users)) }
                        try await stores.send(batch)
                        model.senders += batch.map(\.senderID)
                    case 5...7:
                        let target = Int64(random.number(0...model.senders.count + 2))
                        let state = try await stores.conversations.advanceRead(of: user, in: id, to: target)
                        model.advance(user, to: target)
                        try checkEqual(state, model.readState(of: user), "the answer to reading, step \(step)")
                    case 8 where user != users[0]:
                        _ = try await stores.conversations.remove(user, from: id)
                        model.markers[user] = nil
                    default:
                        _ = try await stores.conversations.setRole(
                            of: user, in: id, to: user == users[0] ? .owner : .member, maxParticipants: 10, joinedAt: Sample.start)
                        model.join(user)
                    }
                    for user in users {
                        let view = try await stores.conversations.view(of: id, for: user)
                        try checkEqual(view?.readState, model.readState(of: user), "the read state after step \(step)")
                    }
                }
                let conversation = try await stores.view(id, users[0]).conversation
                try checkEqual(conversation.lastSequence, Int64(model.senders.count), "the last number")
                try checkEqual(conversation.participantCount, Int64(model.markers.count), "the participants")
            }
        },
    ]

    static let steps: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a step of metadata is applied once, and only after its predecessor") { stores in
            guard !stores.messages.appliesMetadata else { return }
            let users = Sample.users(2)
            let id = try await stores.group(users)
            let sent = try await stores.appendOnly(9, in: id, from: users[0])
            let steps = [0..<3, 3..<5, 5..<9].map { MetadataUpdate(Array(sent[$0])) }
            let expected: [(step: Int, outcome: ApplyOutcome, last: Int64)] = [
                (1, .tooEarly(appliedSequence: 0), 0), (2, .tooEarly(appliedSequence: 0), 0), (0, .applied, 3), (0, .already, 3),
                (2, .tooEarly(appliedSequence: 3), 3), (1, .applied, 5), (0, .already, 5), (1, .already, 5), (2, .applied, 9),
                (2, .already, 9),
            ]
            for expectation in expected {
                let outcome = try await stores.conversations.apply(steps[expectation.step])
                try checkEqual(outcome, expectation.outcome, "the outcome of step \(expectation.step)")
                let view = try await stores.view(id, users[1])
                try checkEqual(view.conversation.lastSequence, expectation.last, "the last number")
                try checkEqual(view.readState.unreadCount, expectation.last, "the unread count")
                let last = expectation.last == 0 ? nil : sent[Int(expectation.last) - 1].id
                try checkEqual(view.conversation.lastMessage?.id, last, "the last message")
            }
        },
        ConformanceCase("a step that is done in part changes nothing and tells where metadata stand") { stores in
            guard !stores.messages.appliesMetadata else { return }
            let users = Sample.users(2)
            let id = try await stores.group(users)
            let sent = try await stores.appendOnly(4, in: id, from: users[0])
            _ = try await stores.conversations.apply(MetadataUpdate(Array(sent[..<2])))
            let outcome = try await stores.conversations.apply(MetadataUpdate(Array(sent[1...])))
            try checkEqual(outcome, .tooEarly(appliedSequence: 2), "the outcome")
            try checkEqual(try await stores.unread(id, users[1]), 2, "the unread count")
            _ = try await stores.conversations.apply(MetadataUpdate(Array(sent[2...])))
            try checkEqual(try await stores.unread(id, users[1]), 4, "the unread count at the end")
        },
        ConformanceCase("one step applied by many tasks counts once (P4)") { stores in
            guard !stores.messages.appliesMetadata else { return }
            let users = Sample.users(2)
            let id = try await stores.group(users)
            let sent = try await stores.appendOnly(5, in: id, from: users[0])
            let outcomes = try await concurrently(32) { _ in try await stores.conversations.apply(MetadataUpdate(sent)) }
            try checkEqual(outcomes.count { $0 == .applied }, 1, "tasks that applied it")
            try checkEqual(outcomes.count { $0 == .already }, 31, "tasks that found it done")
            try checkEqual(try await stores.unread(id, users[1]), 5, "the unread count")
        },
        ConformanceCase("what a store applies itself is applied when the append returns (P4)") { stores in
            guard stores.messages.appliesMetadata else { return }
            let users = Sample.users(2)
            let id = try await stores.group(users)
            for number in 1...5 as ClosedRange<Int64> {
                let outcome = try await stores.messages.append([.sample(Int(number), in: id, from: users[0])])[0]
                let view = try await stores.view(id, users[1])
                try checkEqual(view.conversation.lastSequence, number, "the last number")
                try checkEqual(view.conversation.lastMessage?.id, outcome.storedMessage?.id, "the last message")
                try checkEqual(view.readState.unreadCount, number, "the unread count")
            }
        },
    ]
}

extension StoreSubject {
    /// Appends messages without applying what they mean for the conversation.
    fileprivate func appendOnly(_ count: Int, in conversation: ConversationID, from sender: UserID) async throws -> [Message] {
        let outcomes = try await messages.append((0..<count).map { .sample($0, in: conversation, from: sender) })
        let stored = outcomes.compactMap(\.storedMessage)
        try checkEqual(stored.count, count, "stored messages")
        return stored
    }
}

/// Who sent message n, and the marker of each participant: all that unread counts depend on.
private struct NaiveConversation {
    var senders: [UserID] = []
    var markers: [UserID: Int64]

    init(users: [UserID]) { markers = Dictionary(uniqueKeysWithValues: users.map { ($0, 0) }) }

    mutating func advance(_ user: UserID, to target: Int64) {
        guard let marker = markers[user] else { return }
        markers[user] = max(marker, min(target, Int64(senders.count)))
    }

    mutating func join(_ user: UserID) {
        markers[user] = markers[user] ?? Int64(senders.count)
    }

    func readState(of user: UserID) -> ReadState? {
        guard let marker = markers[user] else { return nil }
        return ReadState(
            lastReadSequence: marker, unreadCount: Int64(senders[Int(marker)...].count { $0 != user }), lastSequence: Int64(senders.count))
    }
}
