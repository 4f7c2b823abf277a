import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyPostgres
import ParleyStores

/// Copies messages in the order in which the folder stored them, each conversation's so in the order of its numbers. Before
/// its first message a conversation is made, so that nobody ever sees messages of none.
struct MessageCopy: Sendable {
    /// Inserts under way at once. A conversation's messages are always in the same one, which keeps their order.
    static let lanes: UInt64 = 3

    let source: CopiedFolder
    let postgres: PostgresCopyTarget
    let mongo: MongoMessageImport
    /// All messages up to here are stored.
    var position: LogPosition
    let tell: @Sendable (String) -> Void
    let hook: CopyHook
    /// All conversations up to here are made.
    private var made = ConversationRef.start
    private var lines = ProgressLines("messages")

    init(
        source: CopiedFolder, postgres: PostgresCopyTarget, mongo: MongoMessageImport, position: LogPosition,
        tell: @escaping @Sendable (String) -> Void, hook: @escaping CopyHook
    ) {
        self.source = source
        self.postgres = postgres
        self.mongo = mongo
        self.position = position
        self.tell = tell
        self.hook = hook
    }

    /// Copies the messages up to and including that position, and tells how many were new to the target.
    mutating func copy(through end: LogPosition) async throws -> Int64 {
        guard position < end else { return 0 }
        var stored: Int64 = 0
        var batch = try await source.reader.messages(after: position, through: end)
        while let last = batch.last?.position {
            try await makeConversations()
            // The next ones are read while these are stored.
            async let next = source.reader.messages(after: last, through: end)
            stored += try await store(batch.map(\.message))
            try await hook(.messagesStored)
            try await postgres.advance(messages: last)
            try await hook(.messagesNoted)
            position = last
            if let line = lines.line(at: position.value, of: end.value) { tell(line) }
            batch = try await next
        }
        position = end
        return stored
    }

    private func store(_ messages: [Message]) async throws -> Int64 {
        let lanes = Dictionary(grouping: messages) { $0.conversationID.low % Self.lanes }
        return try await withThrowingTaskGroup(of: Int.self) { [mongo] group in
            for lane in lanes.values { group.addTask { try await mongo.store(lane) } }
            return Int64(try await group.reduce(0, +))
        }
    }

    /// Makes the conversations that are new in the folder. Whatever was read of it before this is of conversations that are
    /// there after it.
    mutating func makeConversations() async throws {
        while true {
            let page = try await source.reader.newConversations(after: made)
            guard !page.records.isEmpty else { return }
            try await postgres.makeConversations(page.records)
            try await hook(.conversationsMade)
            made = page.last
        }
    }
}
