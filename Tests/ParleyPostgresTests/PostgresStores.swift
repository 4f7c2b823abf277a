import ParleyCore
import ParleyEngineTesting
import ParleyModel
import ParleyTesting

@testable import ParleyPostgres

/// Runs the body on all stores over a fresh database, with messages in memory.
func withStores(connections: Int = 4, _ body: (StoreSubject) async throws -> Void) async throws {
    try await withPool(try await TestDatabase().url, connections: connections) { try await body(StoreSubject(postgres: $0)) }
}

extension StoreSubject {
    /// Marks are not set back here: every call is awaited before the next mark is made, so that nothing is under way then.
    init(postgres database: PostgresDatabase) {
        let messages = InMemoryMessages { conversation throws(StoreError) in
            try await PostgresConversationStore(database, facts: NoFacts()).exists(conversation)
        }
        self.init(
            messages: messages, effects: messages,
            conversations: PostgresConversationStore(database, facts: messages, marks: PostgresMarks(marginSeconds: 0)),
            media: PostgresMediaStore(database, facts: messages))
    }
}

/// For a store that is not asked anything of messages.
struct NoFacts: MessageFacts {
    func conversations(inWhichWasSent id: MediaID) -> [ConversationID] { [] }
    func firstSequence(in conversations: [ConversationID], storedAfter time: Timestamp) -> [ConversationID: Int64] { [:] }
    func sentCount(in conversation: ConversationID, by user: UserID, after: Int64, through: Int64) -> Int64 { 0 }
}

extension PostgresDatabase {
    /// The first column of the first row of a plain statement's answer, as text; nil when there is none. As any program
    /// would ask, so the statement is not one of ours.
    func text(_ sql: String) async throws -> String? {
        try await run { connection throws(PostgresFailure) in
            let rows = try connection.write(PostgresStatement("plain \(sql.hashValue)", sql)())
            guard let row = rows.first, !row.isNull(0) else { return nil }
            return try row.text(0)
        }
    }
}
