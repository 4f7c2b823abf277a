import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyCore

/// A repair of which an engine fails, or that a node overtakes; ParleyCopyTests repairs real engines.
struct MetadataRepairTests {
    private let store = InMemoryStore()
    private let users = Sample.users(2)

    /// Conversations in the order of their ids, with so many messages of the first user in each, none of them counted.
    private func conversations(_ count: Int, messages: Int) async throws -> [ConversationID] {
        let ids = (0..<count).map { _ in ConversationID.random() }.sorted()
        for id in ids {
            await store.createGroup(id: id, title: nil, creator: users[0], others: [users[1]], at: Sample.start)
            _ = await store.append((0..<messages).map { _ in Sample.draft(in: id, from: users[0]) })
        }
        return ids
    }

    private func unread(_ ids: [ConversationID]) async -> [Int64?] {
        var counts: [Int64?] = []
        for id in ids { counts.append(await store.view(of: id, for: users[1])?.readState.unreadCount) }
        return counts
    }

    @Test func `it ends where an engine cannot be reached, what was counted stays, and the next one counts the rest`() async throws {
        let ids = try await conversations(3, messages: 4)
        let (engines, unreachable) = (InMemoryEngines(store: store, ids: ids), UnreachableHistory(store: store, conversation: ids[1]))
        let failing = MetadataApplier(messages: unreachable, conversations: store)
        await #expect(throws: StoreError.unavailable("not now")) {
            _ = try await MetadataRepair(messages: engines, conversations: engines, applier: failing).run()
        }
        #expect(await unread(ids) == [4, 0, 0])

        let applier = MetadataApplier(messages: store, conversations: store)
        let report = try await MetadataRepair(messages: engines, conversations: engines, applier: applier).run()
        #expect(report.conversations == 3 && report.repaired == 2 && report.counted == 8 && report.findings == [])
        #expect(await unread(ids) == [4, 4, 4])
    }

    @Test func `what a node stores and counts while it looks is not taken for metadata without messages`() async throws {
        let ids = try await conversations(2, messages: 3)
        let applier = MetadataApplier(messages: store, conversations: store)
        let engines = InMemoryEngines(store: store, ids: ids) { [store, users] () async throws(StoreError) in
            let stored = await store.append([Sample.draft(in: ids[1], from: users[0])]).compactMap(\.storedMessage)
            try await applier.apply(stored)
        }
        let report = try await MetadataRepair(messages: engines, conversations: engines, applier: applier).run()
        #expect(report.findings == [] && report.conversations == 2)
        #expect(await unread(ids) == [3, 4])
    }

    @Test func `of very many findings the first are told, and all are counted`() {
        var report = RepairReport()
        for number in 0..<150 { report.add("\(number)") }
        #expect(report.findings == (0..<100).map { "\($0)" } && report.findingCount == 150)
    }
}

/// What a store in memory has, as a repair asks two engines for it.
private struct InMemoryEngines: VerifiableMessages, VerifiableConversations {
    let store: InMemoryStore
    /// All of its conversations, in order.
    let ids: [ConversationID]
    /// Carried out once what is stored is known.
    var afterNumbers: @Sendable () async throws(StoreError) -> Void = { () async throws(StoreError) in }

    func lastNumbers(of conversations: [ConversationID]) async throws(StoreError) -> [ConversationID: Int64] {
        var numbers: [ConversationID: Int64] = [:]
        for id in conversations { numbers[id] = await store.history(of: id, .newest, limit: 1).lastSequence }
        try await afterNumbers()
        return numbers
    }

    func appliedSequences(after id: ConversationID?, limit: Int) async throws(StoreError) -> [(id: ConversationID, last: Int64)] {
        let applied = await store.conversations.mapValues(\.appliedSequence)
        return ids.drop { next in id.map { next <= $0 } ?? false }.prefix(limit).map { ($0, applied[$0] ?? 0) }
    }

    func appliedSequences(of ids: [ConversationID]) async throws(StoreError) -> [ConversationID: Int64] { throw Self.notAsked }
    func page(after id: ConversationID?) async throws(StoreError) -> [ConversationFacts] { throw Self.notAsked }
    func obstacles() async throws(StoreError) -> [String] { throw Self.notAsked }
    func strays() async throws(StoreError) -> [String] { throw Self.notAsked }
    func heads(from place: MessagePlace?, through: ConversationID?, limit: Int) async throws(StoreError) -> [MessageHead] {
        throw Self.notAsked
    }
    func messages(at places: [MessagePlace]) async throws(StoreError) -> [Message] { throw Self.notAsked }
    func repeatedKeyCount() async throws(StoreError) -> Int64 { throw Self.notAsked }

    private static let notAsked = StoreError.unexpected("a repair does not ask this")
}

/// Messages of which one conversation cannot be read.
private struct UnreachableHistory: MessageStore {
    let store: InMemoryStore
    let conversation: ConversationID
    var appliesMetadata: Bool { false }

    func append(_ batch: [NewMessage]) async -> [AppendOutcome] { await store.append(batch) }
    func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History {
        if conversation == self.conversation { throw .unavailable("not now") }
        return await store.history(of: conversation, query, limit: limit)
    }
    func heads(after mark: ActivityMark?) async -> ActivityHeads { await store.heads(after: mark) }
    func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async -> Message? {
        await store.message(in: conversation, from: sender, clientMessageID: clientMessageID)
    }
}
