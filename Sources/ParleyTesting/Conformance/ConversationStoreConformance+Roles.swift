import ParleyCore
import ParleyModel

extension ConversationStoreConformance {
    static let roles: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("someone who is added joins at the last message, with nothing unread") { stores in
            let users = Sample.users(3)
            let id = try await stores.group([users[0], users[1]])
            try await stores.send(4, in: id, from: users[0])
            let change = try await stores.conversations.setRole(
                of: users[2], in: id, to: .readOnly, maxParticipants: 10, joinedAt: Sample.time(60))
            let joined = Participant(
                userID: users[2], role: .readOnly, joinedAt: Sample.time(60), lastReadSequence: 4, lastDeliveredSequence: 4)
            try checkEqual(change, .added(joined), "the change")
            let view = try await stores.view(id, users[2])
            try checkEqual(view.readState, ReadState(lastReadSequence: 4, unreadCount: 0, lastSequence: 4), "the read state")
            try checkEqual(view.conversation.participantCount, 3, "the participants")
            try checkEqual(view.role, .readOnly, "the role")
            try await stores.send(2, in: id, from: users[0])
            try checkEqual(try await stores.unread(id, users[2]), 2, "what came after joining")
            try checkEqual(try await stores.unread(id, users[1]), 6, "what the others have not read")
        },
        ConformanceCase("a participant's role changes and nothing else of them") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            try await stores.send(3, in: id, from: users[0])
            _ = try await stores.conversations.advanceRead(of: users[1], in: id, to: 2)
            for role in [Role.admin, .readOnly, .owner, .owner, .member] {
                let change = try await stores.conversations.setRole(
                    of: users[1], in: id, to: role, maxParticipants: 10, joinedAt: Sample.time(60))
                let changed = Participant(
                    userID: users[1], role: role, joinedAt: Sample.start, lastReadSequence: 2, lastDeliveredSequence: 2)
                try checkEqual(change, .changed(changed), "the change to \(role)")
                try checkEqual(try await stores.conversations.role(of: users[1], in: id), role, "the role")
            }
            try checkEqual(try await stores.unread(id, users[1]), 1, "the unread count")
        },
        ConformanceCase("an unknown conversation takes nobody in") { stores in
            let change = try await stores.conversations.setRole(
                of: .random(), in: .random(), to: .member, maxParticipants: 10, joinedAt: Sample.start)
            try checkEqual(change, .noConversation, "the change")
        },
        ConformanceCase("the only owner can neither give up the role nor leave others behind") { stores in
            let users = Sample.users(2)
            let store = stores.conversations
            let id = try await stores.group(users)
            for role in [Role.admin, .member, .readOnly] {
                let change = try await store.setRole(of: users[0], in: id, to: role, maxParticipants: 10, joinedAt: Sample.start)
                try checkEqual(change, .lastOwner, "the change to \(role)")
            }
            try checkEqual(try await store.remove(users[0], from: id), .lastOwner, "the removal")
            try checkEqual(try await store.role(of: users[0], in: id), .owner, "the role")
            _ = try await store.setRole(of: users[1], in: id, to: .owner, maxParticipants: 10, joinedAt: Sample.start)
            try checkEqual(try await store.remove(users[0], from: id), .removed, "the removal of one of two owners")
            try checkEqual(try await store.remove(users[1], from: id), .removed, "the removal of the last participant")
            try checkEqual(try await store.exists(id), true, "whether the group is still there")
        },
        ConformanceCase("two owners who leave at the same time leave one") { stores in
            let users = Sample.users(3)
            for _ in 0..<8 {
                let id = try await stores.group(users)
                _ = try await stores.conversations.setRole(of: users[1], in: id, to: .owner, maxParticipants: 10, joinedAt: Sample.start)
                let removals = try await concurrently(2) { try await stores.conversations.remove(users[$0], from: id) }
                try checkEqual(removals.count { $0 == .removed }, 1, "who left")
                try checkEqual(removals.count { $0 == .lastOwner }, 1, "who had to stay")
            }
        },
        ConformanceCase("two owners who give up the role at the same time leave one") { stores in
            let users = Sample.users(3)
            for _ in 0..<8 {
                let id = try await stores.group(users)
                _ = try await stores.conversations.setRole(of: users[1], in: id, to: .owner, maxParticipants: 10, joinedAt: Sample.start)
                let changes = try await concurrently(2) {
                    try await stores.conversations.setRole(
                        of: users[$0], in: id, to: .member, maxParticipants: 10, joinedAt: Sample.start)
                }
                try checkEqual(changes.count { $0 == .lastOwner }, 1, "who had to keep the role")
            }
        },
        ConformanceCase("a full conversation takes nobody in, but roles still change") { stores in
            let users = Sample.users(3)
            let store = stores.conversations
            let id = try await stores.group(Array(users[..<2]))
            try checkEqual(
                try await store.setRole(of: users[2], in: id, to: .member, maxParticipants: 2, joinedAt: Sample.start), .full, "a third")
            try checkEqual(try await store.view(of: id, for: users[2]), nil, "the third's view")
            let changed = Participant(userID: users[1], role: .admin, joinedAt: Sample.start, lastReadSequence: 0, lastDeliveredSequence: 0)
            try checkEqual(
                try await store.setRole(of: users[1], in: id, to: .admin, maxParticipants: 2, joinedAt: Sample.start), .changed(changed),
                "a role")
        },
        ConformanceCase("many who are added at the same time fill the conversation and no more") { stores in
            let owner = Sample.users(1)[0]
            let id = try await stores.group([owner])
            let changes = try await concurrently(32) { _ in
                try await stores.conversations.setRole(of: .random(), in: id, to: .member, maxParticipants: 10, joinedAt: Sample.start)
            }
            try checkEqual(changes.count { $0 == .full }, 23, "who found it full")
            try checkEqual(try await stores.view(id, owner).conversation.participantCount, 10, "the participants")
            try checkEqual(try await stores.conversations.participantIDs(of: id, after: nil, limit: 50).count, 10, "their ids")
        },
        ConformanceCase("one user who is added many times at the same time is there once") { stores in
            let users = Sample.users(2)
            let id = try await stores.group([users[0]])
            _ = try await concurrently(16) { _ in
                try await stores.conversations.setRole(of: users[1], in: id, to: .member, maxParticipants: 10, joinedAt: Sample.start)
            }
            try checkEqual(try await stores.view(id, users[0]).conversation.participantCount, 2, "the participants")
        },
        ConformanceCase("who is removed sees nothing any more, and what they sent stays") { stores in
            let users = Sample.users(2)
            let store = stores.conversations
            let id = try await stores.group(users)
            let sent = try await stores.send(Sample.draft(in: id, from: users[1]))
            try checkEqual(try await store.remove(users[1], from: id), .removed, "the removal")
            try checkEqual(try await store.remove(users[1], from: id), .notAParticipant, "the second removal")
            try checkEqual(try await store.view(of: id, for: users[1]), nil, "the view")
            try checkEqual(try await store.role(of: users[1], in: id), nil, "the role")
            try checkEqual(try await store.list(for: users[1], limit: 5, cursor: nil).views, [], "the list")
            try checkEqual(try await store.conversationIDs(of: users[1]), [], "the conversations")
            try checkEqual(try await stores.allMessages(of: id), [sent], "the history")
            try checkEqual(try await stores.unread(id, users[0]), 1, "the unread count of the other user")
            try checkEqual(try await stores.view(id, users[0]).conversation.participantCount, 1, "the participants")
        },
        ConformanceCase("who comes back starts again: at the last message, not muted") { stores in
            let users = Sample.users(2)
            let store = stores.conversations
            let id = try await stores.group(users)
            _ = try await store.setMute(.forever, for: users[1], in: id)
            _ = try await store.remove(users[1], from: id)
            try await stores.send(3, in: id, from: users[0])
            _ = try await store.setRole(of: users[1], in: id, to: .admin, maxParticipants: 10, joinedAt: Sample.time(60))
            let view = try await stores.view(id, users[1])
            try checkEqual(view.readState, ReadState(lastReadSequence: 3, unreadCount: 0, lastSequence: 3), "the read state")
            try checkEqual(view.mute, .off, "the mute")
            try checkEqual(view.role, .admin, "the role")
        },
    ]

    static let mutes: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a mute is kept for its participant alone: off, for ever, until a time") { stores in
            let users = Sample.users(2)
            let store = stores.conversations
            let id = try await stores.group(users)
            for mute in [Mute.forever, .until(Sample.time(0.001)), .until(Sample.time(3600)), .off, .until(.distantFuture)] {
                try checkEqual(try await store.setMute(mute, for: users[1], in: id), true, "whether it was set")
                try checkEqual(try await stores.view(id, users[1]).mute, mute, "the mute")
                try checkEqual(try await stores.view(id, users[0]).mute, .off, "the mute of the other user")
                let standings = try await store.pushStandings(of: users, in: id)
                try checkEqual(standings[users[1]]?.mute, mute, "the mute in the push standing")
                try checkEqual(standings[users[0]]?.mute, .off, "the other user's mute in the push standing")
            }
        },
        ConformanceCase("a level of notifications is kept for its participant alone, and goes with them") { stores in
            let users = Sample.users(2)
            let store = stores.conversations
            let id = try await stores.group(users)
            for level in [NotificationLevel.mentions, .none, .all, .none] {
                let wasSet = try await store.setNotificationLevel(level, for: users[1], in: id, at: Sample.start)
                try checkEqual(wasSet, true, "whether it was set")
                try checkEqual(try await stores.view(id, users[1]).notificationLevel, level, "the level")
                try checkEqual(try await stores.view(id, users[0]).notificationLevel, .all, "the level of the other user")
                let listed = try await store.list(for: users[1], limit: 5, cursor: nil).views.map(\.notificationLevel)
                try checkEqual(listed, [level], "the level in the list")
                let standings = try await store.pushStandings(of: users, in: id)
                try checkEqual(standings[users[1]]?.level, level, "the level in the push standing")
                try checkEqual(standings[users[0]]?.level, .all, "the other user's level in the push standing")
            }
            let outsider = try await store.setNotificationLevel(.none, for: .random(), in: id, at: Sample.start)
            try checkEqual(outsider, false, "whether an outsider's was set")
            _ = try await store.remove(users[1], from: id)
            _ = try await store.setRole(of: users[1], in: id, to: .member, maxParticipants: 10, joinedAt: Sample.time(60))
            try checkEqual(try await stores.view(id, users[1]).notificationLevel, .all, "the level of who comes back")
        },
        ConformanceCase("a client that comes back learns of its user's new level") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            _ = try await stores.conversations.setNotificationLevel(.mentions, for: users[1], in: id, at: Sample.time(60))
            for (user, changed) in [(users[0], []), (users[1], [id])] {
                let missed = try await stores.conversations.missedChanges(of: user, since: Sample.time(30), maxParticipants: 100)
                try checkEqual(missed.conversations, changed, "the conversations that changed")
            }
        },
        ConformanceCase("push standings count what is unread as views do") { stores in
            let users = Sample.users(3)
            for id in [try await stores.direct(users[0], users[1]), try await stores.group(users)] {
                for sender in [0, 1, 1, 0, 1, 0] { try await stores.send(Sample.draft(in: id, from: users[sender])) }
                _ = try await stores.conversations.advanceRead(of: users[1], in: id, to: 2)
                let standings = try await stores.conversations.pushStandings(of: users, in: id)
                for (user, standing) in standings { try checkEqual(standing.unreadCount, try await stores.unread(id, user), "the count") }
            }
        },
        ConformanceCase("push standings tell the markers of those who are participants") { stores in
            let users = Sample.users(4)
            let store = stores.conversations
            let id = try await stores.group(Array(users[..<3]))
            try await stores.send(5, in: id, from: users[0])
            _ = try await store.advanceRead(of: users[1], in: id, to: 3)
            let standings = try await store.pushStandings(of: [users[1], users[2], users[3]], in: id)
            let expected = [
                users[1]: PushStanding(lastReadSequence: 3, mute: .off, unreadCount: 2),
                users[2]: PushStanding(lastReadSequence: 0, mute: .off, unreadCount: 5),
            ]
            try checkEqual(standings, expected, "the standings")
            try checkEqual(try await store.pushStandings(of: [], in: id), [:], "the standings of nobody")
        },
        ConformanceCase("push standings of several conversations are those of each") { stores in
            let users = Sample.users(3)
            let store = stores.conversations
            let (direct, group, unknown) = (
                try await stores.direct(users[0], users[1]), try await stores.group(users), ConversationID.random()
            )
            try await stores.send(4, in: group, from: users[0])
            _ = try await store.advanceRead(of: users[1], in: group, to: 2)
            let standings = try await store.pushStandings(of: [direct: [users[1], users[2]], group: users, unknown: users])
            for (conversation, asked) in [(direct, [users[1], users[2]]), (group, users), (unknown, users)] {
                let alone = try await store.pushStandings(of: asked, in: conversation)
                try checkEqual(standings[conversation], alone, "the standings of a conversation among others")
            }
            try checkEqual(standings[group]?[users[1]]?.lastReadSequence, 2, "the marker")
            try checkEqual(try await store.pushStandings(of: [:]), [:], "the standings of no conversation")
        },
    ]
}
