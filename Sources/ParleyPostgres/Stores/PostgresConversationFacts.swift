public import ParleyCore
public import ParleyModel

/// What the side that keeps messages asks of the side that keeps conversations. It needs nothing of the messages itself, so
/// that it can be there before their store, and that one before ``PostgresConversationStore``.
public struct PostgresConversationFacts: Sendable {
    private let database: PostgresDatabase
    private let marks: PostgresMarks

    /// - Parameter marks: How marks are made; the same as ``PostgresConversationStore``'s.
    public init(_ database: PostgresDatabase, marks: PostgresMarks = .init()) {
        self.database = database
        self.marks = marks
    }

    private static let findExisting = PostgresStatement(
        "conversation.existing", "SELECT conversation_id FROM conversations WHERE conversation_id = ANY ($1)")

    /// Those of some conversations that exist.
    public func existing(among conversations: Set<ConversationID>) async throws(StoreError) -> Set<ConversationID> {
        guard !conversations.isEmpty else { return [] }
        return Set(
            try await database.run { connection throws(PostgresFailure) in
                try connection.read(Self.findExisting(.ids(Array(conversations)))).map { row throws(PostgresFailure) in try row.id(0) }
            })
    }

    private static let findHeads = PostgresStatement(
        "conversation.heads", "SELECT conversation_id, last_sequence FROM conversations WHERE activity > $1 AND last_sequence > 0")

    /// What ``ParleyCore/MessageStore/heads(after:)`` promises, of metadata: the newest applied number of each conversation
    /// to which something was applied after the mark, from an index. What happened shortly before the mark was made is told
    /// again.
    public func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads {
        try await database.run { [marks] connection throws(PostgresFailure) in
            let (next, rows) = try marks.read(Self.findHeads(.int64(mark?.value ?? .max)), connection)
            var sequences: [ConversationID: Int64] = [:]
            for row in 0..<rows.count { sequences[try rows[row].id(0)] = try rows[row].int64(1) }
            return ActivityHeads(mark: next, sequences: sequences)
        }
    }
}

extension PostgresConversationStore {
    /// See ``PostgresConversationFacts/heads(after:)``.
    public func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads {
        try await PostgresConversationFacts(database, marks: marks).heads(after: mark)
    }
}
