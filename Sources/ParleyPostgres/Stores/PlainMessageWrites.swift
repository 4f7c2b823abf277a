package import ParleyCore
package import ParleyModel

/// What a service that does one message at a time asks of PostgreSQL: the measure that `parley bench --cluster` puts beside
/// batches. Nothing else uses it.
package struct PlainMessageWrites: Sendable {
    private let database: PostgresDatabase

    package init(_ database: PostgresDatabase) {
        self.database = database
    }

    private static let hold = PostgresStatement("plain.hold", "SELECT EXISTS (SELECT 1 FROM conversations)")

    /// Whether there is no conversation at all.
    package func isEmpty() async throws(StoreError) -> Bool {
        try await database.run { connection throws(PostgresFailure) in try !connection.read(Self.hold())[0].bool(0) }
    }

    private static let next = PostgresStatement(
        "plain.next",
        """
        INSERT INTO conversation_sequences AS s (conversation_id, sequence_number) VALUES ($1, 1)
        ON CONFLICT (conversation_id) DO UPDATE SET sequence_number = s.sequence_number + 1
        RETURNING sequence_number
        """)

    /// The conversation's next number: one commit.
    package func nextSequence(of conversation: ConversationID) async throws(StoreError) -> Int64 {
        try await database.run { connection throws(PostgresFailure) in
            try connection.write(Self.next(.id(conversation)))[0].int64(0)
        }
    }

    private static let update = PostgresStatement(
        "plain.update",
        """
        UPDATE conversations SET last_sequence = greatest(last_sequence, $2), last_message_id = $3, last_message_at = $4,
            last_message_preview = $5
        WHERE conversation_id = $1
        """)

    /// Writes the message to its conversation's row: one commit.
    package func apply(_ message: Message, preview: String) async throws(StoreError) {
        try await database.run { connection throws(PostgresFailure) in
            _ = try connection.write(
                Self.update(
                    .id(message.conversationID), .int64(message.sequenceNumber), .text(message.id.description),
                    .timestamp(message.createdAt), .text(preview)))
        }
    }
}
