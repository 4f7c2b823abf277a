import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyTesting
import Testing

/// What `parley repair` does: PostgreSQL knows less than MongoDB has, and nobody is left who would apply the rest.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct MetadataRepairTests {
    @Test func `what is stored and not counted is counted, once, whatever is run again (P4)`() async throws {
        try await TestCluster.with { cluster in
            let users = Sample.users(3)
            let (whole, behind, empty) = (
                try await group(users, cluster), try await group(users, cluster), try await group(users, cluster)
            )
            try await store(3, in: whole, from: users[0], cluster)
            try await cluster.applier.apply(cluster.messages.history(of: whole, .newest, limit: 10).messages)
            // More than the applier reads at once, and their readers have read some.
            for user in users { try await store(150, in: behind, from: user, cluster) }
            try await cluster.applier.apply(cluster.messages.history(of: behind, .before(11), limit: 10).messages)
            _ = try await cluster.conversations.advanceRead(of: users[1], in: behind, to: 7, at: Sample.start)
            #expect(try await cluster.verify().unappliedMessages == 440)

            let report = try await cluster.repair()
            #expect(report.conversations == 3 && report.repaired == 1 && report.counted == 440 && report.findings == [])
            let proof = try await cluster.verify()
            #expect(proof.findings == [] && proof.unappliedMessages == 0 && proof.messages == 453)
            let view = try #require(try await cluster.conversations.view(of: behind, for: users[1]))
            #expect(view.readState == ReadState(lastReadSequence: 7, unreadCount: 293, lastSequence: 450))
            #expect(try await cluster.conversations.view(of: empty, for: users[0])?.conversation.lastSequence == 0)

            let again = try await cluster.repair()
            #expect(again.conversations == 3 && again.repaired == 0 && again.counted == 0 && again.findings == [])
        }
    }

    @Test func `all conversations are looked at, however many pages they are`() async throws {
        try await TestCluster.with { cluster in
            let users = Sample.users(2)
            try await cluster.sql(
                """
                INSERT INTO conversations (conversation_id, type, created_by, created_at, changed_at, participant_count, created_activity, activity)
                SELECT gen_random_uuid(), 'group', '\(users[0])', now(), now(), 0, 1, 1 FROM generate_series(1, 2100)
                """)
            try await store(1, in: try await group(users, cluster), from: users[0], cluster)
            let report = try await cluster.repair()
            #expect(report.conversations == 2101 && report.repaired == 1 && report.counted == 1)
        }
    }

    @Test func `what MongoDB has lost is told of, and what is behind it is counted all the same`() async throws {
        try await TestCluster.with { cluster in
            let users = Sample.users(2)
            let (ahead, torn, behind) = (
                try await group(users, cluster), try await group(users, cluster), try await group(users, cluster)
            )
            for conversation in [ahead, torn, behind] { try await store(4, in: conversation, from: users[0], cluster) }
            try await cluster.applier.apply(cluster.messages.history(of: ahead, .newest, limit: 10).messages)
            for (conversation, number) in [(ahead, 4), (torn, 2)] {
                let message = #"{"conversation_id": {"$uuid": "\#(conversation)"}, "sequence_number": \#(number)}"#
                #expect(try await cluster.mongo(#"{"delete": "messages", "deletes": [{"q": \#(message), "limit": 1}]}"#) != nil)
            }
            let report = try await cluster.repair()
            #expect(report.conversations == 3 && report.repaired == 1 && report.counted == 4 && report.findingCount == 2)
            let told = report.findings.joined(separator: "\n")
            #expect(told.contains("\(ahead) counts 4 messages, and 3 are stored"))
            #expect(told.contains("\(torn) cannot be brought up to its messages"))
            #expect(try await cluster.conversations.view(of: behind, for: users[1])?.readState.unreadCount == 4)
        }
    }

    /// Nodes that write apply metadata too, and both may be at the same messages.
    @Test func `beside nodes that write every message is counted once (P4)`() async throws {
        try await TestCluster.with { cluster in
            let users = Sample.users(3)
            let conversations = [try await group(users, cluster), try await group(users, cluster)]
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                for user in users {
                    tasks.addTask {
                        for number in 0..<60 {
                            let draft = Sample.draft(in: conversations[number % 2], from: user)
                            let stored = try await cluster.messages.append([draft]).compactMap(\.storedMessage)
                            // Each third is left, as by a node that died.
                            if number % 3 > 0 { try await cluster.applier.apply(stored) }
                        }
                    }
                }
                tasks.addTask {
                    for _ in 0..<20 {
                        let report = try await cluster.repair()
                        #expect(report.findings == [])
                    }
                }
                try await tasks.waitForAll()
            }
            _ = try await cluster.repair()
            let proof = try await cluster.verify()
            #expect(proof.findings == [] && proof.unappliedMessages == 0 && proof.messages == 180)
        }
    }

    private func group(_ users: [UserID], _ cluster: TestCluster) async throws -> ConversationID {
        let id = ConversationID.random()
        try await cluster.conversations.createGroup(
            id: id, title: nil, creator: users[0], others: Array(users.dropFirst()), at: Sample.start)
        return id
    }

    private func store(_ count: Int, in conversation: ConversationID, from user: UserID, _ cluster: TestCluster) async throws {
        _ = try await cluster.messages.append((0..<count).map { _ in Sample.draft(in: conversation, from: user) })
    }
}

extension TestCluster {
    fileprivate var applier: MetadataApplier { MetadataApplier(messages: messages, conversations: conversations) }

    fileprivate func repair() async throws -> RepairReport {
        try await MetadataRepair(
            messages: MongoVerification(mongo), conversations: PostgresVerification(postgres), applier: applier
        ).run()
    }
}
