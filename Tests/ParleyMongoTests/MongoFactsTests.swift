import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyTesting
import Testing

/// The answers to the side that keeps conversations, and the log for repairs.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct MongoFactsTests {
    @Test func `the conversations in which a medium was sent`() async throws {
        try await withMongo { database, _ in
            let store = MongoMessageStore.node(database)
            let conversations = (0..<3).map { _ in ConversationID.random() }
            let (user, media) = (UserID.random(), [MediaID.random(), MediaID.random()])
            _ = try await store.append([
                Sample.draft(in: conversations[0], from: user, mediaIDs: media), Sample.draft(in: conversations[1], from: user),
                Sample.draft(in: conversations[0], from: user, mediaIDs: [media[1]]),
                Sample.draft(in: conversations[2], from: user, mediaIDs: [media[1]]),
            ])
            #expect(try await store.conversations(inWhichWasSent: media[0]) == [conversations[0]])
            let both = try await store.conversations(inWhichWasSent: media[1])
            #expect(both.count == 2 && Set(both) == [conversations[0], conversations[2]])
            #expect(try await store.conversations(inWhichWasSent: .random()) == [])
        }
    }

    @Test func `the first number stored after a time, also where times and numbers disagree`() async throws {
        try await withMongo { database, _ in
            let store = MongoMessageStore.node(database)
            let (one, other, user) = (ConversationID.random(), ConversationID.random(), UserID.random())
            // Number 3 was made by a node whose clock is ahead, so that number 4 is the earliest after second 15.
            let seconds: [Double] = [0, 10, 40, 20, 30]
            _ = try await store.append(seconds.map { Sample.draft(in: one, from: user, at: Sample.time($0)) })
            _ = try await store.append([Sample.draft(in: other, from: user, at: Sample.time(5))])
            let asked = [one, other, .random()]
            #expect(try await store.firstSequence(in: asked, storedAfter: Sample.time(15)) == [one: 3])
            #expect(try await store.firstSequence(in: asked, storedAfter: Sample.time(5)) == [one: 2])
            #expect(try await store.firstSequence(in: asked, storedAfter: Sample.time(-1)) == [one: 1, other: 1])
            #expect(try await store.firstSequence(in: asked, storedAfter: Sample.time(40)) == [:])
            #expect(try await store.firstSequence(in: [], storedAfter: Sample.time(0)) == [:])
        }
    }

    @Test func `how many of a range of numbers a user sent`() async throws {
        try await withMongo { database, _ in
            let store = MongoMessageStore.node(database)
            let (conversation, users) = (ConversationID.random(), Sample.users(2))
            _ = try await store.append([0, 1, 0, 0, 1, 0].map { Sample.draft(in: conversation, from: users[$0]) })
            #expect(try await store.sentCount(in: conversation, by: users[0], after: 0, through: 6) == 4)
            #expect(try await store.sentCount(in: conversation, by: users[0], after: 1, through: 4) == 2)
            #expect(try await store.sentCount(in: conversation, by: users[1], after: 5, through: 9) == 0)
            #expect(try await store.sentCount(in: .random(), by: users[1], after: 0, through: .max) == 0)
        }
    }

    @Test func `the repair log is one node's messages, in pages by the time of ids`() async throws {
        try await withMongo { database, _ in
            let store = MongoMessageStore.node(database)
            let (ids, others) = (MessageIDGenerator(), MessageIDGenerator())
            let (conversation, user) = (ConversationID.random(), UserID.random())
            func draft(_ number: Int, _ ids: MessageIDGenerator) -> NewMessage {
                let draft = Sample.draft(in: conversation, from: user, "\(number)")
                return NewMessage(
                    id: ids.next(at: Sample.time(Double(number))), conversationID: conversation, senderID: user, clientMessageID: nil,
                    messageType: .text, content: draft.content, mediaIDs: [], createdAt: Sample.time(Double(number)), preview: "")
            }
            // Three a second, stored in another order than made, and another node's among them.
            let drafts = (0..<30).map { draft($0 / 3, ids) }
            _ = try await store.append(drafts.reversed())
            _ = try await store.append((0..<30).map { draft(100 + $0 % 10, others) } + (0..<10).map { draft($0, others) })
            let start = Sample.time(0).milliseconds / 1000
            var read: [Message] = []
            while true {
                let page = try await store.messages(madeBy: ids.node, in: start + 4..<start + 8, after: read.last?.id, limit: 4)
                read += page
                if page.isEmpty { break }
            }
            #expect(read.map(\.id) == drafts[12..<24].map(\.id))
            let mine = try await store.messages(madeBy: others.node, in: start..<start + 64, after: nil, limit: 1000)
            #expect(mine.count == 10 && mine.allSatisfy { $0.id.node == others.node })
        }
    }
}
