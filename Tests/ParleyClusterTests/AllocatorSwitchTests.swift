import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyCluster

/// From the allocator `mongodb` to `postgres` and back.
@Suite(.engineTurns, .timeLimit(.minutes(15)))
struct AllocatorSwitchTests {
    @Test func `the allocators may be changed for each other, again and again (P2, P4)`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNodes(2) { nodes in
            let (conversation, users) = try await nodes[0].stores.pair()
            for round in 0..<4 {
                let stores = round % 2 == 0 ? nodes[round / 2].racing : nodes[1 - round / 2].stores
                try await stores.send(7, in: conversation, from: users[round % 2])
                #expect(try await stores.send([Sample.draft(in: conversation, from: users[0], key: "k")])[0] != .noConversation)
                try await expectTrueCounts(of: conversation, users, on: nodes[0], in: cluster)
            }
            #expect(try await nodes[0].stores.allMessages(of: conversation).count == 29)
        }
    }

    @Test func `a backlog of thousands is adopted in pages, each of them for good (P4)`() async throws {
        let cluster = try await Cluster()
        let rounds = Mutex(0)
        try await cluster.withNode { moment in
            if moment == .locked { rounds.withLock { $0 += 1 } }
        } _: { node in
            let (conversation, users) = try await node.stores.pair()
            for _ in 0..<25 {
                _ = try await node.mongo.append((0..<100).map { Sample.draft(in: conversation, from: users[$0 % 3 / 2]) })
            }
            #expect(try await node.stores.view(conversation, users[0]).conversation.lastSequence == 0, "none is applied")
            let stored = try await node.store.append([Sample.draft(in: conversation, from: users[0])])[0]
            #expect(stored.storedMessage?.sequenceNumber == 2501)
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
            #expect(rounds.withLock { $0 } == 3, "2,501 messages are three pages of a thousand")
        }
    }

    @Test func `a backlog that takes too long is unknown for now, and goes on where it stopped`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNode(maxSettleSeconds: 0) { node in
            let (conversation, users) = try await node.stores.pair()
            for _ in 0..<22 {
                _ = try await node.mongo.append((0..<100).map { _ in Sample.draft(in: conversation, from: users[0]) })
            }
            for applied in [1000, 2000] as [Int64] {
                let error = await #expect(throws: StoreError.self) {
                    try await node.store.append([Sample.draft(in: conversation, from: users[1], key: "k")])
                }
                guard case .outcomeUnknown = error else { return #expect(Bool(false), "\(String(describing: error))") }
                #expect(try await node.stores.view(conversation, users[0]).conversation.lastSequence == applied)
            }
            let outcome = try await node.store.append([Sample.draft(in: conversation, from: users[1], key: "k")])[0]
            #expect(outcome.repeatedMessage?.sequenceNumber == 2201)
            try await expectTrueCounts(of: conversation, users, on: node, in: cluster)
        }
    }

    @Test func `both allocators at once make no hole and no double (P2, P3)`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNodes(2) { nodes in
            let (conversation, users) = try await nodes[0].stores.pair()
            _ = try await concurrently(8) { task in
                let stores = task % 2 == 0 ? nodes[0].racing : nodes[1].stores
                for number in 0..<20 {
                    let key = number % 4 == 0 ? "\(number)" : nil
                    _ = try await stores.send([Sample.draft(in: conversation, from: users[task / 2 % 2], key: key)])
                }
            }
            _ = try await nodes[1].store.append([Sample.draft(in: conversation, from: users[0])])
            #expect(try await nodes[0].stores.allMessages(of: conversation).count == 8 * 15 + 2 * 5 + 1)
            try await expectTrueCounts(of: conversation, users, on: nodes[0], in: cluster)
        }
    }

    @Test func `a row that another program has raised beyond the messages makes no hole (P2)`() async throws {
        let cluster = try await Cluster()
        try await cluster.withNode { node in
            let (conversation, users) = try await node.stores.pair()
            try cluster.sql("UPDATE conversation_sequences SET sequence_number = 100")
            #expect(try await node.stores.send(2, in: conversation, from: users[0]).map(\.sequenceNumber) == [1, 2])
            #expect(try cluster.sql("SELECT sequence_number FROM conversation_sequences") == "100")
        }
    }
}
