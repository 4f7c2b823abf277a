import ParleyModel

/// Makes what the connections of each row send.
final class RequestSources: Sendable {
    private let tokens: [UserID: String]
    private let numbers = NumberBlocks()

    init(users: [UserID], token: (UserID) async throws -> String) async throws {
        var tokens: [UserID: String] = [:]
        for user in users { tokens[user] = try await token(user) }
        self.tokens = tokens
    }

    func emptyRoute(_ users: [UserID], connections: Int) -> [RequestSource] {
        (0..<connections).map { connection in
            let token = tokens[users[connection % users.count]]
            return RequestSource([.get("/v1/ping", token: token)], expectedStatus: 204)
        }
    }

    /// Each sender goes round its part of the conversations.
    func createsOverMany(_ plan: SeedPlan, senders: Int) -> [RequestSource] {
        (0..<senders).map { sender in
            let places = plan.spread.indices.filter { plan.sender(ofSpread: $0, concurrency: senders) == sender }
            return creates(in: places.map { plan.spread[$0] }, by: plan.senders[sender])
        }
    }

    /// All senders write to one conversation; where there are fewer users than senders, users send on several connections.
    func createsOverOne(_ conversation: ConversationID, users: [UserID], senders: Int) -> [RequestSource] {
        (0..<senders).map { creates(in: [conversation], by: users[$0 % users.count]) }
    }

    /// Full pages at random places.
    func history(_ conversation: ConversationID, of messages: Int, readers: [UserID]) -> [RequestSource] {
        let limit = BenchSizes.pageLimit
        let path = "/v1/conversations/\(conversation)/messages?limit=\(limit)&after_sequence="
        return readers.enumerated().map { place, reader in
            RequestSource(
                [.get(path, endsInNumber: true, token: tokens[reader])],
                numbers: .random(RandomNumbers(seed: UInt64(place + 1), bound: Int64(messages - limit + 1))),
                expectedStatus: 200, expectedBytes: limit * BenchText.message.utf8.count)
        }
    }

    /// First pages.
    func list(of user: UserID, connections: Int) -> [RequestSource] {
        let path = "/v1/conversations?limit=\(BenchSizes.pageLimit)"
        let source = RequestSource(
            [.get(path, token: tokens[user])], expectedStatus: 200, expectedBytes: BenchSizes.pageLimit * 200)
        return Array(repeating: source, count: connections)
    }

    /// Pages of a small history, of a large one, and of a list.
    func reads(of plan: SeedPlan) -> [(RowKind, [RequestSource])] {
        let sizes = plan.sizes
        return [
            (.history(sizes.smallHistory), history(plan.smallHistory, of: sizes.smallHistory, readers: plan.readers)),
            (.history(sizes.largeHistory), history(plan.largeHistory, of: sizes.largeHistory, readers: plan.readers)),
            (.list(sizes.listedConversations), list(of: plan.lister, connections: sizes.readerConnections)),
        ]
    }

    private func creates(in conversations: [ConversationID], by user: UserID) -> RequestSource {
        let token = tokens[user] ?? ""
        return RequestSource(
            conversations.map { .create(in: $0, content: BenchText.message, token: token) },
            numbers: .counting(numbers.next()), expectedStatus: 201)
    }
}
