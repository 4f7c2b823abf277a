import ParleyCore
import ParleyModel

/// What ``ParleyCore/ConversationStore`` promises.
public enum ConversationStoreConformance {
    public static let cases: [ConformanceCase<StoreSubject>] =
        directs + groups + roles + mutes + readMarkers + counts + lists + steps

    private static let directs: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a pair of users has one direct conversation, whoever asks") { stores in
            let users = Sample.users(3)
            let id = ConversationID.random()
            let first = try await stores.conversations.direct(between: users[0], and: users[1], id: id, at: Sample.start)
            try checkEqual(first.conversationID, id, "the new conversation's id")
            try check(first.created, "made by the first who asks")
            for (one, other) in [(0, 1), (1, 0)] {
                let again = try await stores.conversations.direct(
                    between: users[one], and: users[other], id: .random(), at: Sample.time(9))
                try checkEqual(again.conversationID, id, "the existing conversation's id")
                try check(!again.created, "not made again")
            }
            let another = try await stores.conversations.direct(between: users[0], and: users[2], id: .random(), at: Sample.start)
            try check(another.created && another.conversationID != id, "another pair has another conversation")
        },
        ConformanceCase("64 tasks that ask for one direct conversation get the same one") { stores in
            let users = Sample.users(2)
            let answers = try await concurrently(64) { number in
                try await stores.conversations.direct(
                    between: users[number % 2], and: users[1 - number % 2], id: .random(), at: Sample.start)
            }
            try checkEqual(Set(answers.map(\.conversationID)).count, 1, "conversations")
            try checkEqual(answers.count { $0.created }, 1, "tasks that made it")
            try checkEqual(
                try await stores.conversations.conversationIDs(of: users[0]), [answers[0].conversationID], "what one has")
            try checkEqual(
                try await stores.conversations.conversationIDs(of: users[1]), [answers[0].conversationID], "what the other has")
        },
        ConformanceCase("a direct conversation shows both users, the lower id first") { stores in
            for _ in 0..<4 {
                let users = Sample.users(2)
                let id = try await stores.direct(users[0], users[1])
                for user in users {
                    let view = try await stores.view(id, user)
                    let expected = Conversation(
                        id: id, type: .direct, title: nil, createdBy: users[0], createdAt: Sample.start,
                        directUserIDs: users.sorted(), participantCount: 2, lastMessage: nil, lastSequence: 0, version: 0)
                    try checkEqual(view.conversation, expected, "the conversation")
                    try checkEqual(view.role, .member, "the role of both")
                    try checkEqual(view.mute, .off, "the mute")
                    try checkEqual(view.readState, ReadState(lastReadSequence: 0, unreadCount: 0, lastSequence: 0), "the read state")
                }
                try checkEqual(try await stores.conversations.view(of: id, for: .random()), nil, "the view of an outsider")
            }
        },
        ConformanceCase("a direct conversation has no title to set") { stores in
            let users = Sample.users(2)
            let id = try await stores.direct(users[0], users[1])
            try checkEqual(try await stores.conversations.rename(id, to: "Title"), false, "whether it was renamed")
            try checkEqual(try await stores.view(id, users[0]).conversation.title, nil, "the title")
        },
    ]

    private static let groups: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a new group has its creator as owner and the others as members") { stores in
            let users = Sample.users(3)
            for title in ["Team 👩‍👩‍👧 'x'", "", nil] {
                let id = try await stores.group(users, title: title, at: Sample.time(3))
                let expected = Conversation(
                    id: id, type: .group, title: title, createdBy: users[0], createdAt: Sample.time(3), directUserIDs: [],
                    participantCount: 3, lastMessage: nil, lastSequence: 0, version: 0)
                for user in users {
                    let view = try await stores.view(id, user)
                    try checkEqual(view.conversation, expected, "the conversation")
                    try checkEqual(view.role, user == users[0] ? .owner : .member, "the role")
                    try checkEqual(try await stores.conversations.role(of: user, in: id), view.role, "the role by itself")
                }
            }
        },
        ConformanceCase("a group of one is a group") { stores in
            let user = Sample.users(1)[0]
            let id = try await stores.group([user])
            try checkEqual(try await stores.view(id, user).conversation.participantCount, 1, "participants")
        },
        ConformanceCase("outsiders and unknown conversations are told apart only by exists") { stores in
            let users = Sample.users(2)
            let store = stores.conversations
            let id = try await stores.group([users[0]])
            for (conversation, isThere) in [(id, true), (.random(), false)] {
                try checkEqual(try await store.exists(conversation), isThere, "whether it exists")
                try checkEqual(try await store.view(of: conversation, for: users[1]), nil, "the view of an outsider")
                try checkEqual(try await store.role(of: users[1], in: conversation), nil, "the role of an outsider")
                try checkEqual(try await store.advanceRead(of: users[1], in: conversation, to: 1), nil, "the marker of an outsider")
                try checkEqual(try await store.setMute(.forever, for: users[1], in: conversation), false, "the mute of an outsider")
                try checkEqual(try await store.remove(users[1], from: conversation), .notAParticipant, "the removal of an outsider")
                try checkEqual(try await store.pushStandings(of: [users[1]], in: conversation), [:], "the standing of an outsider")
            }
        },
        ConformanceCase("a group's title is set, changed and taken away for everybody") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users, title: "First")
            for title in ["Second", nil, "Third"] {
                try checkEqual(try await stores.conversations.rename(id, to: title), true, "whether it was renamed")
                for user in users { try checkEqual(try await stores.view(id, user).conversation.title, title, "the title") }
            }
            try checkEqual(
                try await stores.conversations.rename(.random(), to: "Title"), false, "whether an unknown one was renamed")
        },
        ConformanceCase("a user's conversations are those they take part in") { stores in
            let users = Sample.users(4)
            let store = stores.conversations
            let group = try await stores.group([users[0], users[1], users[2]])
            let direct = try await stores.direct(users[0], users[3])
            try checkEqual(Set(try await store.conversationIDs(of: users[0])), [group, direct], "the first user's")
            try checkEqual(try await store.conversationIDs(of: users[3]), [direct], "the last user's")
            try checkEqual(try await store.conversationIDs(of: .random()), [], "a stranger's")
            for (one, other, share) in [(1, 2, true), (2, 1, true), (0, 3, true), (1, 3, false), (3, 2, false)] {
                try checkEqual(
                    try await store.shareConversation(users[one], users[other]), share, "whether \(one) and \(other) share one")
            }
            _ = try await store.remove(users[2], from: group)
            try checkEqual(try await store.shareConversation(users[1], users[2]), false, "whether they still share one")
            try checkEqual(try await store.conversationIDs(of: users[2]), [], "what is left to the removed user")
        },
        ConformanceCase("participants are listed by user id, in pages") { stores in
            let users = Sample.users(11)
            let store = stores.conversations
            let id = try await stores.group(users)
            for limit in [1, 3, 11, 50] {
                var found: [Participant] = []
                var cursor: String?
                repeat {
                    let page = try await store.participants(of: id, limit: limit, cursor: cursor)
                    try check(page.participants.count <= limit, "a page of at most \(limit)")
                    try check(page.nextCursor == nil || page.participants.count == limit, "a full page before a cursor")
                    found += page.participants
                    cursor = page.nextCursor
                } while cursor != nil && found.count <= 11
                try checkEqual(found.map(\.userID), users.sorted(), "the users")
                for participant in found {
                    let role: Role = participant.userID == users[0] ? .owner : .member
                    let expected = Participant(
                        userID: participant.userID, role: role, joinedAt: Sample.start, lastReadSequence: 0, lastDeliveredSequence: 0)
                    try checkEqual(participant, expected, "the participant")
                }
            }
            let unknown = try await store.participants(of: .random(), limit: 5, cursor: nil)
            try check(unknown.participants.isEmpty && unknown.nextCursor == nil, "nobody in an unknown conversation")
        },
        ConformanceCase("paging participants while some come and go skips and repeats nobody who stays") { stores in
            let users = Sample.users(20)
            let store = stores.conversations
            let id = try await stores.group(users)
            var found: [UserID] = []
            var cursor: String?
            repeat {
                let page = try await store.participants(of: id, limit: 4, cursor: cursor)
                found += page.participants.map(\.userID)
                cursor = page.nextCursor
                _ = try await store.setRole(of: .random(), in: id, to: .member, maxParticipants: 100, joinedAt: Sample.start)
                if found.count == 4, found[3] != users[0] { _ = try await store.remove(found[3], from: id) }
            } while cursor != nil && found.count < 100
            try checkEqual(found.filter(Set(users).contains), users.sorted(), "those who were there from the beginning")
            try checkEqual(found, found.sorted(), "everybody, in order")
        },
        ConformanceCase("participant ids are read in steps, each after the last one") { stores in
            let users = Sample.users(7)
            let store = stores.conversations
            let id = try await stores.group(users)
            let sorted = users.sorted()
            try checkEqual(try await store.participantIDs(of: id, after: nil, limit: 3), Array(sorted[..<3]), "the first ones")
            try checkEqual(
                try await store.participantIDs(of: id, after: sorted[2], limit: 3), Array(sorted[3..<6]), "the next ones")
            try checkEqual(try await store.participantIDs(of: id, after: sorted[5], limit: 3), [sorted[6]], "the last one")
            try checkEqual(try await store.participantIDs(of: id, after: sorted[6], limit: 3), [], "the ones after the last")
            try checkEqual(
                try await store.participantIDs(of: .random(), after: nil, limit: 3), [], "those of an unknown conversation")
        },
        ConformanceCase("the first participant ids of several conversations are read at once") { stores in
            let users = Sample.users(5).sorted()
            let store = stores.conversations
            let (large, small) = (try await stores.group(users), try await stores.group([users[4], users[0]]))
            let found = try await store.participantIDs(of: [large, .random(), small], limit: 3)
            try checkEqual(found, [large: Array(users[..<3]), small: [users[0], users[4]]], "the first ones of each")
            try checkEqual(try await store.participantIDs(of: [], limit: 3), [:], "those of no conversation")
        },
        ConformanceCase("a cursor that the store did not make is refused") { stores in
            let user = Sample.users(1)[0]
            let id = try await stores.group([user])
            for cursor in ["", "x", "1", "-", "____", "🙂", "0_0_0", "null", String(repeating: "9", count: 40), "' OR 1=1 --"] {
                try await checkThrows(StoreError.invalidCursor, "a list from cursor '\(cursor)'") {
                    try await stores.conversations.list(for: user, limit: 5, cursor: cursor)
                }
                try await checkThrows(StoreError.invalidCursor, "participants from cursor '\(cursor)'") {
                    try await stores.conversations.participants(of: id, limit: 5, cursor: cursor)
                }
            }
        },
    ]
}

extension StoreSubject {
    func direct(_ one: UserID, _ other: UserID, at time: Timestamp = Sample.start) async throws -> ConversationID {
        try await conversations.direct(between: one, and: other, id: .random(), at: time).conversationID
    }
}
