import Dispatch
import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyPostgres

/// What PostgreSQL's adapter promises beyond the ports: steps in batches, marks and heads, how far rows look back.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct PostgresConversationStoreTests {
    // MARK: Batches

    @Test func `steps of many conversations are one batch, each with its own outcome`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let store = PostgresConversationStore(pool, facts: NoFacts())
            let users = Sample.users(2)
            var ids: [ConversationID] = []
            for _ in 0..<20 { ids.append(try await group(users, store)) }
            var steps = ids.map { step(in: $0, 1...3, from: users[0]) }
            steps += [
                step(in: ids[0], 4...5, from: users[1]), step(in: ids[1], 6...6, from: users[1]), step(in: ids[2], 2...3, from: users[0]),
                step(in: .random(), 1...1, from: users[0]),
            ]
            let outcomes = try await store.apply(steps)
            let applied = [ApplyOutcome](repeating: .applied, count: 20)
            #expect(outcomes == applied + [.applied, .tooEarly(appliedSequence: 3), .already, .tooEarly(appliedSequence: 0)])
            let view = try #require(try await store.view(of: ids[0], for: users[0]))
            #expect(view.readState == ReadState(lastReadSequence: 0, unreadCount: 2, lastSequence: 5))
            #expect(view.conversation.lastMessage?.preview == "5")
        }
    }

    @Test func `batches with the same conversations in opposite orders do not stand in each other's way`() async throws {
        var limits = PostgresLimits.patient
        limits.attempts = 1  // so that a deadlock is an error
        try await withPool(try await TestDatabase().url, connections: 6, limits: limits) { pool in
            let store = PostgresConversationStore(pool, facts: NoFacts())
            let user = UserID.random()
            var ids: [ConversationID] = []
            for _ in 0..<30 { ids.append(try await group([user], store)) }
            for number in 1...20 as ClosedRange<Int64> {
                let steps = ids.map { step(in: $0, number...number, from: user) }
                _ = try await concurrently(6) { try await store.apply($0 % 2 == 0 ? steps : steps.reversed()) }
            }
            for id in ids { #expect(try await store.view(of: id, for: user)?.conversation.lastSequence == 20) }
            let sent = try await pool.text("SELECT string_agg(DISTINCT own_sent::text, ',') FROM participants")
            #expect(sent == "20")
        }
    }

    // MARK: Reading roles

    @Test func `whoever reads a role is told of the conversation and of its last number, and who is none of it, nothing`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let seen = Mutex<[ConversationID: Int64]>([:])
            let store = PostgresConversationStore(pool, facts: NoFacts()) { conversation, last in
                seen.withLock { $0[conversation] = last }
            }
            let users = Sample.users(2)
            let (fresh, written, other) = (try await group(users, store), try await group(users, store), try await group(users, store))
            _ = try await store.apply([step(in: written, 1...3, from: users[0])])
            for conversation in [fresh, written] { #expect(try await store.role(of: users[1], in: conversation) == .member) }
            #expect(try await store.role(of: .random(), in: other) == nil)
            #expect(seen.withLock { $0 } == [fresh: 0, written: 3])
        }
    }

    // MARK: Marks

    @Test func `heads tell what was applied after a mark, and again what was just before it`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let user = UserID.random()
            let exact = PostgresConversationStore(pool, facts: NoFacts(), marks: PostgresMarks(marginSeconds: 0))
            let ids = [try await group([user], exact), try await group([user], exact)]
            for id in ids { _ = try await exact.apply(step(in: id, 1...2, from: user)) }
            let mark = try await exact.heads(after: nil).mark
            var heads = try await exact.heads(after: mark)
            #expect(heads.sequences == [:])
            _ = try await exact.apply(step(in: ids[1], 3...4, from: user))
            heads = try await exact.heads(after: mark)
            #expect(heads.sequences == [ids[1]: 4])
            let careful = PostgresConversationStore(pool, facts: NoFacts(), marks: PostgresMarks(marginSeconds: 60))
            heads = try await exact.heads(after: try await careful.heads(after: nil).mark)
            #expect(heads.sequences == [ids[0]: 2, ids[1]: 4])
        }
    }

    @Test func `the side of the messages learns which conversations exist, and their newest numbers`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let user = UserID.random()
            let store = PostgresConversationStore(pool, facts: NoFacts())
            let facts = PostgresConversationFacts(pool, marks: PostgresMarks(marginSeconds: 0))
            let ids = [try await group([user], store), try await group([user], store)]
            #expect(try await facts.existing(among: Set(ids + [.random()])) == Set(ids))
            #expect(try await facts.existing(among: []) == [])
            let mark = try await facts.heads(after: nil).mark
            _ = try await store.apply(step(in: ids[0], 1...3, from: user))
            #expect(try await facts.heads(after: mark).sequences == [ids[0]: 3])
        }
    }

    @Test func `a mark does not cover what a transaction under way will show later`() async throws {
        try await withPool(try await TestDatabase().url, connections: 3) { pool in
            let user = UserID.random()
            let store = PostgresConversationStore(pool, facts: NoFacts(), marks: PostgresMarks(marginSeconds: 0))
            let id = try await group([user], store)
            _ = try await store.apply(step(in: id, 1...1, from: user))
            let (begun, begin) = AsyncStream.makeStream(of: Void.self)
            let touch = PostgresStatement(
                "touch", "UPDATE conversations SET activity = \(PostgresConversationStore.clock), last_sequence = 2")
            let gate = DispatchSemaphore(value: 0)
            async let slow: Void = pool.run { connection throws(PostgresFailure) in
                try connection.transaction { transaction throws(PostgresFailure) in
                    _ = try transaction.run(touch())
                    begin.yield()
                    gate.wait()
                }
            }
            for await _ in begun { break }
            let during: ActivityMark
            do {
                defer { gate.signal() }
                during = try await store.heads(after: nil).mark
            }
            try await slow
            let heads = try await store.heads(after: during)
            #expect(heads.sequences == [id: 2])
        }
    }

    @Test func `further back than a row remembers, the messages are asked, and no number is too high`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let messages = InMemoryMessages { conversation throws(StoreError) in
                try await PostgresConversationStore(pool, facts: NoFacts()).exists(conversation)
            }
            let store = PostgresConversationStore(pool, facts: messages, marks: PostgresMarks(marginSeconds: 0))
            let stores = StoreSubject(
                messages: messages, effects: messages, conversations: store, media: PostgresMediaStore(pool, facts: messages))
            let user = UserID.random()
            let id = try await group([user], store)
            func send(_ count: Int) async throws {
                for _ in 0..<count { try await stores.send(Sample.draft(in: id, from: user, at: SystemTimeSource().now())) }
            }
            try await send(7)
            let mark = try await store.standings(of: user, since: nil).mark
            try await send(40)
            let standing = try await store.standings(of: user, since: mark).conversations[0]
            // As many less as were sent in the longest time that one waited for being applied.
            #expect((1...7).contains(standing.sequenceAtMark) && standing.lastSequence == 47)
            let forgetful = PostgresConversationStore(pool, facts: NoFacts())
            let oldest = try await forgetful.standings(of: user, since: mark).conversations[0].sequenceAtMark
            #expect(oldest == Int64(47 - PostgresConversationStore.pastLength))
        }
    }

    @Test func `what was stored before a mark and applied long after it counts as come since`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let messages = InMemoryMessages { _ in true }
            let store = PostgresConversationStore(pool, facts: messages, marks: PostgresMarks(marginSeconds: 0))
            let user = UserID.random()
            let id = try await group([user], store)
            let long = SystemTimeSource().now().advanced(bySeconds: -600)
            let sent = try await messages.append(
                (0..<60).map { Sample.draft(in: id, from: user, at: long.advanced(bySeconds: Double($0))) }
            ).compactMap(\.storedMessage)
            let mark = try await store.standings(of: user, since: nil).mark
            for message in sent {
                let number = message.sequenceNumber
                let step = MetadataUpdate(
                    conversationID: id, first: number, last: number,
                    lastMessage: LastMessage(id: message.id, at: message.createdAt, preview: ""), sentBy: [user: 1])
                #expect(try await store.apply(step) == .applied)
            }
            let standing = try await store.standings(of: user, since: mark).conversations[0]
            #expect(standing.sequenceAtMark == 0 && standing.lastSequence == 60)
        }
    }

    // MARK: Lists

    @Test func `a conversation busier than its row remembers is listed, at worst twice`() async throws {
        try await withPool(try await TestDatabase().url) { pool in
            let stores = StoreSubject(postgres: pool)
            let user = UserID.random()
            var ids: [ConversationID] = []
            for _ in 0..<6 { ids.append(try await group([user], stores.conversations)) }
            var isFirst = true
            let visited = try await stores.pages(of: user, limit: 2) {
                guard isFirst else { return }
                isFirst = false
                for _ in 0..<40 { for id in [ids[0], ids[5]] { try await stores.send(1, in: id, from: user) } }
            }
            #expect(Set(visited.map(\.conversation.id)) == Set(ids))
            #expect(visited.count <= 7)
        }
    }

    private func group(_ users: [UserID], _ store: any ConversationStore) async throws -> ConversationID {
        let id = ConversationID.random()
        try await store.createGroup(id: id, title: nil, creator: users[0], others: Array(users.dropFirst()), at: Sample.start)
        return id
    }

    private func step(in conversation: ConversationID, _ numbers: ClosedRange<Int64>, from user: UserID) -> MetadataUpdate {
        MetadataUpdate(
            conversationID: conversation, first: numbers.lowerBound, last: numbers.upperBound,
            lastMessage: LastMessage(id: Sample.messageID(), at: Sample.start, preview: "\(numbers.upperBound)"),
            sentBy: [user: Int64(numbers.count)])
    }
}
