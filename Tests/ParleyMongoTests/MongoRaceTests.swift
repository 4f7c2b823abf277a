import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyMongo
import ParleyTesting
import Testing

/// Two nodes that write to the same conversations at once: stores with connections and memories of their own.
@Suite(.serialized, .engineTurns, .timeLimit(.minutes(15)))
struct MongoRaceTests {
    @Test func `2,000 messages of two nodes in one conversation are numbered 1 to 2,000, each once (P2)`() async throws {
        try await withTwoNodes { nodes in
            let (conversation, users) = (ConversationID.random(), Sample.users(16))
            let stored = try await concurrently(16) { task in
                var stored: [Message] = []
                for number in 0..<125 {
                    let draft = Sample.draft(in: conversation, from: users[task], "\(task).\(number)")
                    stored.append(try checkPresent(try await nodes[task % 2].append([draft])[0].storedMessage, "a stored message"))
                }
                return stored
            }.flatMap(\.self)
            #expect(stored.map(\.sequenceNumber).sorted() == Array(1...2000))
            let history = try await nodes[1].all(of: conversation)
            #expect(history == stored.sorted { $0.sequenceNumber < $1.sequenceNumber })
            for task in 0..<16 {
                let contents = history.filter { $0.senderID == users[task] }.map(\.content)
                #expect(contents == (0..<125).map { "\(task).\($0)" }, "the order in which a sender sent")
            }
        }
    }

    @Test func `one key from both nodes at once is one message, and both get it (P3)`() async throws {
        try await withTwoNodes { nodes in
            let (conversation, user) = (ConversationID.random(), Sample.users(1)[0])
            for round in 0..<50 {
                let answers = try await concurrently(8) { task in
                    let draft = Sample.draft(in: conversation, from: user, "\(round).\(task)", key: "key \(round)")
                    return try await nodes[task % 2].append([draft])[0]
                }
                let stored = answers.compactMap(\.storedMessage)
                #expect(stored.count == 1)
                #expect(answers.compactMap(\.repeatedMessage) == Array(repeating: stored[0], count: 7))
                #expect(stored[0].sequenceNumber == Int64(round) + 1)
            }
        }
    }

    @Test func `mixed batches over many conversations, with repeats, leave no hole and no double (P2, P3)`() async throws {
        try await withTwoNodes { nodes in
            let conversations = (0..<10).map { _ in ConversationID.random() }
            let users = Sample.users(3)
            let answers = try await concurrently(12) { task in
                var random = SeededGenerator(seed: UInt64(task) + 1)
                var answered: [(NewMessage, Message)] = []
                for _ in 0..<12 {
                    let batch = (0..<random.number(1...40)).map { _ in
                        Sample.draft(
                            in: random.pick(conversations), from: random.pick(users), "\(task)",
                            key: random.oneIn(2) ? "key \(random.number(0...60))" : nil)
                    }
                    let outcomes = try await nodes[task % 2].append(batch)
                    for (draft, outcome) in zip(batch, outcomes) {
                        answered.append((draft, try checkPresent(outcome.storedMessage ?? outcome.repeatedMessage, "a message")))
                        if let stored = outcome.storedMessage { try checkEqual(stored.id, draft.id, "the id of a stored message") }
                    }
                }
                return answered
            }.flatMap(\.self)
            var histories: [MessageID: Message] = [:]
            for conversation in conversations {
                let history = try await nodes[0].all(of: conversation)
                #expect(history.map(\.sequenceNumber) == Array(1...Int64(history.count)))
                let keys = history.compactMap { message in message.clientMessageID.map { "\(message.senderID) \($0)" } }
                #expect(Set(keys).count == keys.count, "a key is stored once")
                for message in history { histories[message.id] = message }
            }
            for (draft, message) in answers {
                #expect(histories[message.id] == message, "what was answered is stored")
                #expect(message.conversationID == draft.conversationID && message.clientMessageID == draft.clientMessageID)
            }
            #expect(Set(answers.map(\.1.id)).count == histories.count, "what is stored was answered")
        }
    }

    @Test func `the same message appended again is not stored again, and another with its id is refused`() async throws {
        try await withTwoNodes { nodes in
            let (conversation, user) = (ConversationID.random(), UserID.random())
            let (plain, keyed) = (Sample.draft(in: conversation, from: user), Sample.draft(in: conversation, from: user, key: "k"))
            let first = try await nodes[0].append([plain, keyed]).map(\.storedMessage)
            let again = try await nodes[1].append([keyed, plain])
            #expect(again[0].repeatedMessage == first[1])
            #expect(again[1].storedMessage == first[0])
            let other = NewMessage(
                id: plain.id, conversationID: conversation, senderID: user, clientMessageID: nil, messageType: .text, content: "Other",
                mediaIDs: [], createdAt: Sample.start, preview: "")
            await #expect(throws: StoreError.unexpected("mongodb: the id \(plain.id) is another message's")) {
                try await nodes[1].append([other])
            }
            #expect(try await nodes[0].all(of: conversation) == first.compactMap(\.self))
        }
    }

    private func withTwoNodes(_ body: ([MongoMessageStore]) async throws -> Void) async throws {
        try await withMongo { one, url in
            try await withMongo(url) { other in try await body([.node(one), .node(other)]) }
        }
    }
}
