import ParleyModel

/// Who and what is in the data folder of the main tables.
struct SeedPlan: Sendable {
    /// One for each concurrent sender.
    let senders: [UserID]
    /// Owns every conversation, wrote every seeded message, and never asks for anything.
    let author = UserID.random()
    /// Small groups; see ``participants(ofSpread:)``.
    let spread: [ConversationID]
    /// A group of all senders.
    let hot = ConversationID.random()
    /// Groups of the readers with a history.
    let smallHistory = ConversationID.random()
    let largeHistory = ConversationID.random()
    /// Has many conversations.
    let lister = UserID.random()
    let listed: [ConversationID]
    let sizes: BenchSizes

    init(sizes: BenchSizes) {
        self.sizes = sizes
        senders = (0..<sizes.maxConcurrency).map { _ in .random() }
        spread = (0..<sizes.conversations).map { _ in .random() }
        listed = (0..<sizes.listedConversations).map { _ in .random() }
    }

    var readers: [UserID] { Array(senders.prefix(sizes.readerConnections)) }

    /// The sender who uses a conversation when there are that many: every sender gets an equal part of them all.
    func sender(ofSpread place: Int, concurrency: Int) -> Int { place % concurrency }

    /// The author and whoever uses the conversation at one of the concurrencies: at most five.
    func participants(ofSpread place: Int) -> [UserID] {
        Set(sizes.concurrencies.map { sender(ofSpread: place, concurrency: $0) }).map { senders[$0] }
    }
}

/// Who is in the data folder of the rows on group size: the same few senders in two groups.
struct GroupPlan: Sendable {
    let senders: [UserID]
    let small = ConversationID.random()
    let large = ConversationID.random()
    let others: [UserID]

    init(sizes: BenchSizes) {
        senders = (0..<sizes.smallGroup).map { _ in .random() }
        others = (0..<sizes.largeGroup - sizes.smallGroup).map { _ in .random() }
    }
}
