import ParleyCore
import ParleyModel
import ParleyPostgres
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCluster

/// A node, or its session, ends between the insert in MongoDB and the commit in PostgreSQL.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct AllocatorCrashTests {
    // MARK: Dying in between

    @Test func `what a node stored before it died is adopted by the next writer, with true counts (P2, P4)`() async throws {
        try await withDeadNode { cluster, node, conversation, users, left in
            let next = try await node.store.append([Sample.draft(in: conversation, from: users[1], "Next")])[0]
            #expect(next.storedMessage?.sequenceNumber == 5)
            #expect(try await node.stores.allMessages(of: conversation).dropFirst().dropLast().map(\.id) == left.map(\.id))
            #expect(try await node.stores.unread(conversation, users[1]) == 4)
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
        }
    }

    @Test func `a repeat of what a dead node stored gets its message, and adopts it (P3, P4)`() async throws {
        try await withDeadNode { cluster, node, conversation, users, left in
            let again = try await node.store.append([Sample.draft(in: conversation, from: users[0], "Again", key: "key 1")])[0]
            #expect(again.repeatedMessage?.id == left[1].id)
            // Up to the message that is answered; the one after it is left to the next writer.
            #expect(try await node.stores.view(conversation, users[0]).conversation.lastMessage?.id == left[1].id)
            _ = try await node.store.append([Sample.draft(in: conversation, from: users[1])])
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
        }
    }

    @Test func `an adopted message is the last one with the preview that its own node would have given it`() async throws {
        try await withDeadNode { cluster, node, conversation, users, left in
            _ = try await node.store.append([Sample.draft(in: conversation, from: users[0], "Again", key: "key 2")])
            let last = try await node.stores.view(conversation, users[0]).conversation.lastMessage
            #expect(last == LastMessage(id: left[2].id, at: left[2].createdAt, preview: "Left 2"))
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
        }
    }

    /// One message is whole; three are stored by a node whose transaction is undone, and that does no more.
    private func withDeadNode(
        _ body: (Cluster, ClusterNode, ConversationID, [UserID], _ left: [NewMessage]) async throws -> Void
    ) async throws {
        let cluster = try await Cluster()
        try await cluster.withNode { survivor in
            let (conversation, users) = try await survivor.stores.pair()
            try await survivor.stores.send(Sample.draft(in: conversation, from: users[0], "Whole"))
            let left = (0..<3).map { Sample.draft(in: conversation, from: users[0], "Left \($0)", key: "key \($0)") }
            try await cluster.withNode(maxSettleSeconds: 0) { moment in
                if moment == .stored { #expect(throws: Never.self) { try cluster.endAppends() } }
            } _: { dying in
                let error = await #expect(throws: StoreError.self) { try await dying.store.append(left) }
                guard case .outcomeUnknown = error else { return #expect(Bool(false), "\(String(describing: error))") }
            }
            #expect(try await survivor.stores.view(conversation, users[0]).conversation.lastSequence == 1, "nothing was applied")
            #expect(try await survivor.stores.history(of: conversation, .newest).lastSequence == 4, "all was stored")
            try await body(cluster, survivor, conversation, users, left)
        }
    }

    // MARK: Losing the transaction

    @Test func `a node that loses its session after storing applies what it stored, and answers it`() async throws {
        let cluster = try await Cluster()
        let times = Atomic(0)
        try await cluster.withNode { moment in
            guard moment == .stored, times.add(1, ordering: .relaxed).oldValue == 0 else { return }
            #expect(throws: Never.self) { try cluster.endAppends() }
        } _: { node in
            let (conversation, users) = try await node.stores.pair()
            let batch = (0..<4).map { Sample.draft(in: conversation, from: users[$0 % 2], key: "\($0)") }
            #expect(try await node.store.append(batch).map { $0.storedMessage?.sequenceNumber } == [1, 2, 3, 4])
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
        }
        #expect(times.load(ordering: .relaxed) == 2)
    }

    @Test(arguments: [false, true])
    func `a commit whose answer is lost is found out`(isUndone: Bool) async throws {
        let cluster = try await Cluster()
        try cluster.sql(
            """
            CREATE SEQUENCE commits;
            CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF nextval('commits') = 1 THEN PERFORM pg_sleep(3); END IF; RETURN NULL; END $$;
            CREATE CONSTRAINT TRIGGER dawdling AFTER UPDATE ON conversation_sequences DEFERRABLE INITIALLY DEFERRED
                FOR EACH ROW EXECUTE FUNCTION dawdle();
            """)
        var connections = PostgresLimits()
        connections.statementSeconds = 1
        connections.graceSeconds = 0
        try await cluster.withNode(connections: connections) { node in
            let (conversation, users) = try await node.stores.pair()
            async let outcomes = node.store.append([Sample.draft(in: conversation, from: users[0])])
            if isUndone {
                try await until { try cluster.sql("SELECT last_value FROM commits WHERE is_called") == "1" }
                try cluster.endAppends()
            }
            #expect(try await outcomes.map { $0.storedMessage?.sequenceNumber } == [1])
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
            // Undone: applied again. Done, and not heard of: not again.
            #expect(try cluster.sql("SELECT last_value FROM commits") == (isUndone ? "2" : "1"))
        }
    }

    // MARK: Standing still

    @Test(arguments: [RowLockAppend.Moment.locked, .stored])
    func `a node that stands still with rows locked is passed, and wakes to the truth (P2, P4)`(moment: RowLockAppend.Moment)
        async throws
    {
        let cluster = try await Cluster()
        var limits = PostgresSequences.Limits()
        (limits.idleSeconds, limits.statementSeconds) = (1, 60)
        let gate = Gate()
        try await cluster.withNode(limits) { reached in
            if reached == moment { gate.pass() }
        } _: { stopped in
            try await cluster.withNode(limits) { other in
                let (conversation, users) = try await other.stores.pair()
                let batch = (0..<3).map { Sample.draft(in: conversation, from: users[0], "Stopped \($0)") }
                async let late = stopped.store.append(batch)
                defer { gate.open() }
                try await until { gate.hasHeldOne }
                // The server ends the transaction that stands still. Were it only waited for, this would fail after a minute.
                let passing = try await other.store.append([Sample.draft(in: conversation, from: users[1])])[0]
                #expect(passing.storedMessage?.sequenceNumber == (moment == .stored ? 4 : 1))
                try await expectTrueCounts(of: conversation, users, on: other, in: cluster)
                gate.open()
                #expect(try await late.map { $0.storedMessage?.sequenceNumber } == (moment == .stored ? [1, 2, 3] : [2, 3, 4]))
                try await expectTrueCounts(of: conversation, users, on: other, in: cluster)
            }
        }
    }

    @Test func `who waits for rows too long is refused, and has stored nothing (P8)`() async throws {
        let cluster = try await Cluster()
        var (patient, short) = (PostgresSequences.Limits(), PostgresSequences.Limits())
        (patient.idleSeconds, short.statementSeconds) = (600, 1)
        let gate = Gate()
        try await cluster.withNode(patient) { moment in
            if moment == .locked { gate.pass() }
        } _: { slow in
            try await cluster.withNode(short) { other in
                let (conversation, users) = try await other.stores.pair()
                async let held = slow.store.append([Sample.draft(in: conversation, from: users[0])])
                defer { gate.open() }
                try await until { gate.hasHeldOne }
                let start = ContinuousClock.now
                let error = await #expect(throws: StoreError.self) {
                    try await other.store.append([Sample.draft(in: conversation, from: users[1])])
                }
                #expect(ContinuousClock.now - start < .seconds(60))
                guard case .unavailable = error else { return #expect(Bool(false), "\(String(describing: error))") }
                #expect(try await other.stores.allMessages(of: conversation) == [])
                gate.open()
                #expect(try await held[0].storedMessage?.sequenceNumber == 1)
                try await expectTrueCounts(of: conversation, users, on: other, in: cluster)
            }
        }
    }
}
