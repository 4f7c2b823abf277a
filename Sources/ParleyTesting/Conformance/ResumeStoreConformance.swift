import ParleyCore
import ParleyModel

/// What the stores promise to a client that comes back: ``ParleyCore/ResumeStore``, ``ParleyCore/MessageStore/heads(after:)``,
/// delivered markers and versions.
public enum ResumeStoreConformance {
    public static let cases = heads + standings + changes + markers + versions

    private static let heads: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("without a mark there is only the mark") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            try await stores.send(3, in: id, from: users[0])
            try checkEqual(try await stores.messages.heads(after: nil).sequences, [:], "the numbers")
        },
        ConformanceCase("what was stored after a mark is told with its newest number, and nothing else") { stores in
            let users = Sample.users(2)
            let ids = [try await stores.group(users), try await stores.group(users), try await stores.group(users)]
            for id in ids { try await stores.send(2, in: id, from: users[0]) }
            let mark = try await stores.messages.heads(after: nil).mark
            try checkEqual(try await stores.messages.heads(after: mark).sequences, [:], "the numbers before")
            try await stores.send(3, in: ids[1], from: users[0])
            let heads = try await stores.messages.heads(after: mark)
            try checkEqual(heads.sequences, [ids[1]: 5], "the numbers")
            try checkEqual(try await stores.messages.heads(after: heads.mark).sequences, [:], "the numbers after the next mark")
        },
        ConformanceCase("however marks are taken while messages are stored, nothing is left out") { stores in
            let users = Sample.users(1)
            let id = try await stores.group(users)
            async let sending: Void = {
                for _ in 0..<40 { try await stores.send(1, in: id, from: users[0]) }
            }()
            var mark = ActivityMark(0)
            var newest: Int64 = 0
            for _ in 0..<200 where newest < 40 {
                let heads = try await stores.messages.heads(after: mark)
                newest = max(newest, heads.sequences[id] ?? 0)
                mark = heads.mark
                await Task.yield()
            }
            try await sending
            newest = max(newest, try await stores.messages.heads(after: mark).sequences[id] ?? 0)
            try checkEqual(newest, 40, "the newest number that was told")
        },
    ]

    private static let standings: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a user's conversations stand at their last numbers") { stores in
            let users = Sample.users(2)
            let (mine, other) = (try await stores.group(users), try await stores.group([users[1]]))
            try await stores.send(4, in: mine, from: users[1])
            try await stores.send(1, in: other, from: users[1])
            let found = try await stores.conversations.standings(of: users[0], since: nil).conversations
            let wanted = ConversationStanding(conversationID: mine, lastSequence: 4, sequenceAtMark: 4, joinedAt: Sample.start)
            try checkEqual(found, [wanted], "the standings")
        },
        ConformanceCase("since a mark, the numbers of then are told beside those of now") { stores in
            let users = Sample.users(2)
            var ids: [ConversationID] = []
            for _ in 0..<3 { ids.append(try await stores.group(users)) }
            try await stores.send(7, in: ids[0], from: users[0])
            try await stores.send(5, in: ids[1], from: users[0])
            let mark = try await stores.conversations.standings(of: users[0], since: nil).mark
            for round in 0..<6 { try await stores.send(1, in: ids[round % 2 == 0 ? 0 : 2], from: users[1]) }
            let found = try await stores.conversations.standings(of: users[1], since: mark).conversations
            let numbers = Dictionary(uniqueKeysWithValues: found.map { ($0.conversationID, [$0.sequenceAtMark, $0.lastSequence]) })
            try checkEqual(numbers, [ids[0]: [7, 10], ids[1]: [5, 5], ids[2]: [0, 3]], "the numbers at the mark and now")
        },
        ConformanceCase("a mark from the beginning and one from the future are understood") { stores in
            let users = Sample.users(1)
            let id = try await stores.group(users)
            try await stores.send(3, in: id, from: users[0])
            let old = try await stores.conversations.standings(of: users[0], since: ActivityMark(0)).conversations
            try checkEqual(old.map(\.sequenceAtMark), [0], "the number at the beginning")
            let future = try await stores.conversations.standings(of: users[0], since: ActivityMark(.max)).conversations
            try checkEqual(future.map(\.sequenceAtMark), [3], "the number in the future")
        },
        ConformanceCase("views are those of single conversations, without those that the user is not in") { stores in
            let users = Sample.users(2)
            let ids = [try await stores.group(users), try await stores.group([users[1]]), try await stores.group(users)]
            try await stores.send(2, in: ids[2], from: users[1])
            let views = try await stores.conversations.views(of: ids + [.random()], for: users[0])
            try checkEqual(Set(views.map(\.conversation.id)), [ids[0], ids[2]], "the conversations")
            for view in views { try checkEqual(view, try await stores.view(view.conversation.id, users[0]), "a view") }
        },
        ConformanceCase("those who share a conversation are found among others") { stores in
            let users = Sample.users(4)
            _ = try await stores.group([users[0], users[1]])
            _ = try await stores.group([users[1], users[2]])
            let found = try await stores.conversations.sharing(with: users[1], among: users + [.random()])
            try checkEqual(found.subtracting([users[1]]), [users[0], users[2]], "who shares one")
        },
    ]

    private static let changes: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("what changed since a time is told, and what is older is not") { stores in
            let users = Sample.users(3)
            let store = stores.conversations
            var ids: [ConversationID] = []
            for _ in 0..<6 { ids.append(try await stores.group(users)) }
            for id in ids { try await stores.send(2, in: id, from: users[2]) }
            _ = try await store.rename(ids[0], to: "Old", at: Sample.time(50))
            _ = try await store.rename(ids[1], to: "New", at: Sample.time(100))
            _ = try await store.setRole(of: users[2], in: ids[2], to: .admin, maxParticipants: 9, at: Sample.time(101))
            _ = try await store.setMute(.forever, for: users[1], in: ids[3], at: Sample.time(102))
            _ = try await store.advanceRead(of: users[1], in: ids[4], to: 1, at: Sample.time(103))
            _ = try await store.setMute(.forever, for: users[0], in: ids[5], at: Sample.time(104))
            let missed = try await store.missedChanges(of: users[1], since: Sample.time(100), maxParticipants: 100)
            try checkEqual(Set(missed.conversations), Set(ids[1...4]), "the conversations")
            try checkEqual(missed.left, [], "those left")
        },
        ConformanceCase("whoever was removed learns it, until they are in again") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            _ = try await stores.conversations.remove(users[1], from: id, at: Sample.time(100))
            func left(since seconds: Double) async throws -> [ConversationID] {
                let missed = try await stores.conversations.missedChanges(of: users[1], since: Sample.time(seconds), maxParticipants: 100)
                return missed.left
            }
            try checkEqual(try await left(since: 100), [id], "what was left since")
            try checkEqual(try await left(since: 101), [], "what was left later")
            _ = try await stores.conversations.setRole(of: users[1], in: id, to: .member, maxParticipants: 9, at: Sample.time(110))
            try checkEqual(try await left(since: 100), [], "what was left and joined again")
        },
        ConformanceCase("others' markers that moved are told of small conversations only") { stores in
            let users = Sample.users(3)
            let (small, large) = (try await stores.group(Array(users.prefix(2))), try await stores.group(users))
            for id in [small, large] {
                try await stores.send(5, in: id, from: users[0])
                _ = try await stores.conversations.advanceRead(of: users[1], in: id, to: 3, at: Sample.time(100))
                _ = try await stores.conversations.advanceDelivered(of: users[1], in: id, to: 4, at: Sample.time(101))
            }
            let missed = try await stores.conversations.missedChanges(of: users[0], since: Sample.time(100), maxParticipants: 2)
            let wanted = ParticipantMarkers(
                conversationID: small, userID: users[1], lastReadSequence: 3, lastDeliveredSequence: 4)
            try checkEqual(missed.markers, [wanted], "the markers")
            try checkEqual(missed.conversations, [], "the conversations: others' markers are not in a view")
        },
    ]

    private static let markers: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("a delivered marker only advances, never past the last message and never below the read marker") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            try await stores.send(10, in: id, from: users[0])
            let store = stores.conversations
            for (number, stands, moved) in [(0, 0, false), (3, 3, true), (2, 3, false), (3, 3, false), (99, 10, true)]
                as [(Int64, Int64, Bool)]
            {
                let advance = try await store.advanceDelivered(of: users[1], in: id, to: number, at: Sample.start)
                try checkEqual(advance, MarkerAdvance(state: stands, moved: moved), "the marker after \(number)")
            }
            _ = try await store.advanceRead(of: users[0], in: id, to: 6, at: Sample.start)
            let own = try await store.advanceDelivered(of: users[0], in: id, to: 5, at: Sample.start)
            try checkEqual(own, MarkerAdvance(state: 6, moved: false), "a marker below what was read")
            try checkEqual(try await store.advanceDelivered(of: .random(), in: id, to: 1, at: Sample.start), nil, "an outsider's")
        },
        ConformanceCase("a read marker tells whether it moved") { stores in
            let users = Sample.users(2)
            let id = try await stores.group(users)
            try await stores.send(4, in: id, from: users[0])
            for (number, moved) in [(2, true), (2, false), (1, false), (9, true), (9, false)] as [(Int64, Bool)] {
                let advance = try await stores.conversations.advanceRead(of: users[1], in: id, to: number, at: Sample.start)
                try checkEqual(advance?.moved, moved, "whether it moved to \(number)")
            }
        },
        ConformanceCase("participants show both markers, and receipts count them") { stores in
            let users = Sample.users(4)
            let id = try await stores.group(users)
            try await stores.send(5, in: id, from: users[0])
            _ = try await stores.conversations.advanceRead(of: users[1], in: id, to: 4, at: Sample.start)
            _ = try await stores.conversations.advanceDelivered(of: users[2], in: id, to: 5, at: Sample.start)
            let found = try await stores.conversations.participants(of: id, limit: 10, cursor: nil).participants
            let markers = Dictionary(uniqueKeysWithValues: found.map { ($0.userID, [$0.lastReadSequence, $0.lastDeliveredSequence]) })
            try checkEqual(markers, [users[0]: [0, 0], users[1]: [4, 4], users[2]: [0, 5], users[3]: [0, 0]], "the markers")
            for (number, read, delivered) in [(4, 1, 2), (5, 0, 1), (0, 4, 4)] as [(Int64, Int64, Int64)] {
                try checkEqual(
                    try await stores.conversations.receiptCounts(of: id, at: number),
                    ReceiptCounts(sequenceNumber: number, readCount: read, deliveredCount: delivered), "the counts at \(number)")
            }
            try checkEqual(try await stores.conversations.participantCount(of: id), 4, "the participants")
            try checkEqual(try await stores.conversations.participantCount(of: .random()), nil, "those of no conversation")
        },
    ]

    private static let versions: [ConformanceCase<StoreSubject>] = [
        ConformanceCase("every change of title and participants has a version of its own, one after the other") { stores in
            let users = Sample.users(3)
            let id = try await stores.group([users[0]])
            let store = stores.conversations
            let stamps = [
                try await store.rename(id, to: "A", at: Sample.start),
                try await store.setRole(of: users[1], in: id, to: .member, maxParticipants: 9, at: Sample.start).stamp,
                try await store.setRole(of: users[1], in: id, to: .admin, maxParticipants: 9, at: Sample.start).stamp,
                try await store.remove(users[1], from: id, at: Sample.start).stamp,
                try await store.rename(id, to: nil, at: Sample.start),
            ]
            try checkEqual(
                stamps,
                [(1, "A", 1), (2, "A", 2), (3, "A", 2), (4, "A", 1), (5, nil, 1)].map {
                    ConversationStamp(version: $0.0, title: $0.1, participantCount: $0.2)
                }, "the stamps")
            try checkEqual(try await stores.view(id, users[0]).conversation.stamp, stamps[4], "the view's stamp")
        },
        ConformanceCase("what changes nothing has no version, and messages and markers neither") { stores in
            let users = Sample.users(2)
            let id = try await stores.group([users[0]])
            let store = stores.conversations
            try await stores.send(2, in: id, from: users[0])
            _ = try await store.advanceRead(of: users[0], in: id, to: 2, at: Sample.start)
            _ = try await store.setMute(.forever, for: users[0], in: id, at: Sample.start)
            try checkEqual(try await store.remove(users[1], from: id, at: Sample.start).stamp, nil, "the stamp of a removal of nobody")
            let refused = try await store.setRole(of: users[0], in: id, to: .member, maxParticipants: 9, at: Sample.start)
            try checkEqual(refused.stamp, nil, "the stamp of a refused change")
            try checkEqual(try await stores.view(id, users[0]).conversation.version, 0, "the version")
        },
        ConformanceCase("changes at the same time get different versions") { stores in
            let owner = Sample.users(1)[0]
            let id = try await stores.group([owner])
            let versions = try await concurrently(20) { number in
                try await stores.conversations.rename(id, to: "\(number)", at: Sample.start)?.version ?? 0
            }
            try checkEqual(versions.sorted(), Array(1...20), "the versions")
        },
    ]
}
