import Foundation
import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyTesting
import Testing

@testable import ParleyCluster

/// Not a promise but numbers for docs/decisions/0018: `PARLEY_MEASURE=1 swift test --filter AllocatorSpeedTests`. Each allocator
/// with its metadata applied, in turns.
@Suite(.serialized, .enabled(if: ProcessInfo.processInfo.environment["PARLEY_MEASURE"] != nil))
struct AllocatorSpeedTests {
    private static let rows = [
        Row(name: "1 node, 1 conversation", nodes: 1, tasks: 1, conversations: 1),
        Row(name: "1 node, 100 conversations", nodes: 1, tasks: 1, conversations: 100),
        Row(name: "4 nodes, 1 conversation", nodes: 4, tasks: 4, conversations: 1),
        Row(name: "4 nodes, 10 conversations, the same", nodes: 4, tasks: 4, conversations: 10),
        Row(name: "4 nodes, 400 conversations, each its own", nodes: 4, tasks: 4, conversations: 400, isShared: false),
    ]

    struct Row: Sendable {
        let name: String
        let nodes: Int
        let tasks: Int
        let conversations: Int
        var isShared = true
    }

    @Test(arguments: rows, [100, 1])
    func `appends`(row: Row, batch: Int) async throws {
        let cluster = try await Cluster()
        try await cluster.withNodes(row.nodes) { nodes in
            let user = UserID.random()
            var conversations: [ConversationID] = []
            for _ in 0..<row.conversations { conversations.append(try await nodes[0].stores.group([user])) }
            let all = conversations
            for turn in 0..<3 {
                for isRacing in [false, true] {
                    let rate = try await Self.rate(row, batch, all, user) { task, drafts in
                        let node = nodes[task % nodes.count]
                        _ = isRacing ? try await Self.race(drafts, on: node) : try await node.store.append(drafts).count
                    }
                    print("\(row.name), batches of \(batch), \(isRacing ? "mongodb" : "postgres"), \(turn): \(Int(rate)) messages/s")
                }
            }
        }
    }

    private static func rate(
        _ row: Row, _ batch: Int, _ all: [ConversationID], _ user: UserID,
        _ send: @escaping @Sendable (Int, [NewMessage]) async throws -> Void
    ) async throws -> Double {
        let ids = MessageIDGenerator()
        let (start, end) = (ContinuousClock.now, ContinuousClock.now + .seconds(2))
        let sent = try await concurrently(row.tasks) { task in
            let mine = row.isShared ? all : all.enumerated().filter { $0.offset % row.tasks == task }.map(\.element)
            var sent = 0
            while ContinuousClock.now < end {
                let drafts = (0..<batch).map { place in
                    NewMessage(
                        id: ids.next(at: Sample.start), conversationID: mine[(sent + place) % mine.count], senderID: user,
                        clientMessageID: "\(UInt64.random(in: 0 ... .max))", messageType: .text,
                        content: "A message of the usual length, in one line", mediaIDs: [], createdAt: Sample.start, preview: "")
                }
                try await send(task, drafts)
                sent += batch
            }
            return sent
        }
        return Double(sent.reduce(0, +)) / ((ContinuousClock.now - start) / .seconds(1))
    }

    /// The allocator `mongodb` with the metadata of a batch applied in one statement, as the effects do it.
    private static func race(_ drafts: [NewMessage], on node: ClusterNode) async throws -> Int {
        let stored = try await node.mongo.append(drafts).compactMap(\.storedMessage)
        var steps = Dictionary(grouping: stored, by: \.conversationID).values.flatMap(consecutive)
        while !steps.isEmpty {
            let outcomes = try await node.conversations.apply(steps)
            steps = zip(steps, outcomes).filter { if case .tooEarly = $1 { true } else { false } }.map(\.0)
        }
        return stored.count
    }

    /// A lost race splits a batch: other nodes' messages lie between.
    private static func consecutive(_ messages: [Message]) -> [MetadataUpdate] {
        var runs: [[Message]] = []
        for message in messages {
            if let last = runs.last?.last, last.sequenceNumber + 1 == message.sequenceNumber {
                runs[runs.count - 1].append(message)
            } else {
                runs.append([message])
            }
        }
        return runs.map { run in
            let last = run[run.count - 1]
            return MetadataUpdate(
                conversationID: last.conversationID, first: run[0].sequenceNumber, last: last.sequenceNumber,
                lastMessage: LastMessage(id: last.id, at: last.createdAt, preview: "A message"),
                sentBy: [last.senderID: Int64(run.count)])
        }
    }
}
