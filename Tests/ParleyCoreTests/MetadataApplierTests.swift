import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyCore

/// P4: whatever order steps come in, and whoever wrote in between.
struct MetadataApplierTests {
    private let store = InMemoryStore()
    private let users = Sample.users(3)
    private let conversation = ConversationID.random()
    private var applier: MetadataApplier { MetadataApplier(messages: store, conversations: store) }

    private func stored(by senders: [Int]) async -> [Message] {
        await store.createGroup(id: conversation, title: nil, creator: users[0], others: Array(users.dropFirst()), at: Sample.start)
        return await store.append(senders.map { Sample.draft(in: conversation, from: users[$0]) }).compactMap(\.storedMessage)
    }

    private func unread() async -> [Int64?] {
        var counts: [Int64?] = []
        for user in users { counts.append(await store.view(of: conversation, for: user)?.readState.unreadCount) }
        return counts
    }

    @Test func `a batch with holes, where another node wrote in between, counts everybody's messages`() async throws {
        let messages = await stored(by: [0, 0, 1, 0, 2, 2])
        try await applier.apply([messages[0], messages[1], messages[3]])
        #expect(await unread() == [1, 3, 4])
        try await applier.apply([messages[2], messages[4], messages[5]])
        #expect(await unread() == [3, 5, 4])
        #expect(await store.view(of: conversation, for: users[0])?.conversation.lastMessage?.id == messages[5].id)
    }

    @Test func `a step whose predecessors nobody applies brings them along`() async throws {
        let messages = await stored(by: Array(repeating: 1, count: 450) + [0])
        try await applier.apply([messages[450]])
        #expect(await unread() == [450, 1, 451])
    }

    @Test func `what is applied again, in parts and all at once by many, is counted once`() async throws {
        let messages = await stored(by: (0..<60).map { $0 % 3 })
        _ = try await concurrently(12) { number in
            try await applier.apply(messages.filter { $0.sequenceNumber % 3 != Int64(number % 3) })
            try await applier.apply(messages)
        }
        #expect(await unread() == [40, 40, 40])
    }

    @Test func `steps are runs of consecutive numbers, each message once`() async {
        let messages = await stored(by: [0, 0, 0, 0, 0, 0])
        let steps = MetadataApplier.steps(of: [messages[5], messages[1], messages[0], messages[1], messages[3]])
        #expect(steps.map { [$0.first, $0.last, $0.sentBy[users[0]] ?? 0] } == [[1, 2, 2], [4, 4, 1], [6, 6, 1]])
    }
}
