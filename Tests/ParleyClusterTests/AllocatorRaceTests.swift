import ParleyCore
import ParleyModel
import ParleyPostgres
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCluster

/// Several nodes that write to the same conversations at once: stores with connections of their own.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct AllocatorRaceTests {
    @Test func `1,200 messages of four nodes in one conversation are numbered 1 to 1,200, each once (P2)`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNodes(4) { nodes in
            let users = Sample.users(12)
            let conversation = try await nodes[0].stores.group(users)
            let stored = try await concurrently(12) { task in
                var stored: [Message] = []
                for number in 0..<20 {
                    let batch = (0..<5).map { Sample.draft(in: conversation, from: users[task], "\(task).\(number).\($0)") }
                    let outcomes = try await nodes[task % 4].store.append(batch)
                    stored += try outcomes.map { try checkPresent($0.storedMessage, "a stored message") }
                }
                return stored
            }.flatMap(\.self)
            let history = try await nodes[1].stores.allMessages(of: conversation)
            #expect(history == stored.sorted { $0.sequenceNumber < $1.sequenceNumber })
            for user in users {
                let sent = stored.filter { $0.senderID == user }.map(\.content)
                #expect(history.filter { $0.senderID == user }.map(\.content) == sent, "the order in which a sender sent")
            }
            try await expectTrueCounts(of: conversation, users, on: nodes[2], in: cluster)
        }
    }

    @Test func `nodes take turns: who comes second waits for the first one's commit`() async throws {
        let cluster = try await Cluster()
        let gate = Gate()
        let events = Mutex<[String]>([])
        try await cluster.withNode { moment in
            if moment == .locked { gate.pass() }
        } _: { first in
            try await cluster.withNode { moment in
                events.withLock { $0.append("second \(moment)") }
            } _: { second in
                let (conversation, users) = try await second.stores.pair()
                async let one = first.store.append([Sample.draft(in: conversation, from: users[0])])
                defer { gate.open() }
                try await until { gate.hasHeldOne }
                async let other = second.store.append([Sample.draft(in: conversation, from: users[1])])
                try await until { try cluster.sql("SELECT count(*) FROM pg_locks WHERE NOT granted AND locktype = 'transactionid'") != "0" }
                events.withLock { $0.append("first goes on") }
                gate.open()
                #expect(try await one[0].storedMessage?.sequenceNumber == 1)
                #expect(try await other[0].storedMessage?.sequenceNumber == 2)
                #expect(events.withLock { $0 } == ["first goes on", "second locked", "second stored"])
                try await expectTrueCounts(of: conversation, users, on: second, in: cluster)
            }
        }
    }

    @Test func `one key from four nodes at once is one message, and all get it (P3)`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNodes(4) { nodes in
            let (conversation, users) = try await nodes[0].stores.pair()
            for round in 0..<20 {
                let answers = try await concurrently(8) { task in
                    let draft = Sample.draft(in: conversation, from: users[0], "\(round).\(task)", key: "key \(round)")
                    return try await nodes[task % 4].store.append([draft])[0]
                }
                let stored = answers.compactMap(\.storedMessage)
                #expect(stored.count == 1)
                #expect(answers.compactMap(\.repeatedMessage) == Array(repeating: stored[0], count: 7))
                #expect(stored[0].sequenceNumber == Int64(round) + 1)
            }
            try await expectTrueCounts(of: conversation, users, on: nodes[3], in: cluster)
        }
    }

    @Test func `batches in opposite orders, steps of others, markers and roles never wait in a circle, and nothing drifts (P2, P3, P4)`()
        async throws
    {
        let cluster = try await Cluster()
        try await cluster.withNodes(3) { nodes in
            let users = Sample.users(3)
            var conversations: [ConversationID] = []
            for _ in 0..<12 { conversations.append(try await nodes[0].stores.group(users)) }
            let all = conversations
            async let others: [Void] = concurrently(4) { task in
                var random = SeededGenerator(seed: UInt64(task) + 100)
                for _ in 0..<60 {
                    let steps = (task % 2 == 0 ? all : all.reversed()).map { $0.doneStep(from: users[0]) }
                    _ = try await nodes[task % 3].conversations.apply(steps)
                    _ = try await nodes[task % 3].conversations.advanceRead(of: users[1], in: random.pick(all), to: 3)
                    _ = try await nodes[task % 3].conversations.rename(random.pick(all), to: "Title", at: Sample.start)
                }
            }
            _ = try await concurrently(9) { task in
                var random = SeededGenerator(seed: UInt64(task) + 1)
                for _ in 0..<15 {
                    let order = task % 2 == 0 ? all : all.reversed()
                    let batch = (order + order).map { conversation in
                        Sample.draft(
                            in: conversation, from: random.pick(users), "\(task)", key: random.oneIn(2) ? "\(random.number(0...60))" : nil)
                    }
                    let outcomes = try await nodes[task % 3].store.append(batch)
                    for (draft, outcome) in zip(batch, outcomes) {
                        let answer = try checkPresent(outcome.storedMessage ?? outcome.repeatedMessage, "a message")
                        try checkEqual(answer.clientMessageID, draft.clientMessageID, "the key of the answer")
                    }
                }
            }
            _ = try await others
            for conversation in all { try await expectTrueCounts(of: conversation, users, on: nodes[1], in: cluster) }
        }
        // Sessions tell of deadlocks when they end at the latest; PostgreSQL resolves each after a second, and we try again.
        #expect(try cluster.sql("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == "0")
    }

    @Test func `a hundred appends and as many reads finish over the smallest pools (P8)`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNode(pools: 1) { node in
            let (conversation, users) = try await node.stores.pair()
            _ = try await concurrently(100) { task in
                _ = try await node.store.append([Sample.draft(in: conversation, from: users[task % 2])])
                _ = try await node.store.history(of: conversation, .newest, limit: 3)
                _ = try await node.conversations.advanceRead(of: users[0], in: conversation, to: 1)
            }
            #expect(try await node.stores.allMessages(of: conversation).count == 100)
        }
    }
}

extension ConversationID {
    /// A step that is done already, or too early: it changes nothing, and is locked for all the same.
    fileprivate func doneStep(from user: UserID) -> MetadataUpdate {
        MetadataUpdate(
            conversationID: self, first: 1_000_000, last: 1_000_000,
            lastMessage: LastMessage(id: Sample.messageID(), at: Sample.start, preview: ""), sentBy: [user: 1])
    }
}
