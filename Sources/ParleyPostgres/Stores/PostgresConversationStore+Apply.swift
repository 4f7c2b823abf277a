public import ParleyCore
import ParleyModel

/// Metadata and counts, exactly once and in order: a step is applied under the condition that the conversation stands at
/// the number before its first.
extension PostgresConversationStore {
    /// How many values of `activity` and `last_sequence` a conversation remembers.
    static let pastLength = 16
    /// Steps in one statement; more are several.
    static let maxSteps = 500

    public func apply(_ update: MetadataUpdate) async throws(StoreError) -> ApplyOutcome {
        try await apply([update])[0]
    }

    /// The outcome of each step, in the same order. Steps of different conversations are one statement, and one commit;
    /// those of the same conversation are applied one after the other. Where it throws, none or some were applied: to apply
    /// them all again is right.
    public func apply(_ updates: [MetadataUpdate]) async throws(StoreError) -> [ApplyOutcome] {
        var outcomes = [ApplyOutcome](repeating: .already, count: updates.count)
        var rest = Array(updates.indices)
        while !rest.isEmpty {
            var taken: Set<ConversationID> = []
            let round = rest.filter { taken.count < Self.maxSteps && taken.insert(updates[$0].conversationID).inserted }
            rest.removeAll(where: Set(round).contains)
            let batch = round.map { updates[$0] }
            let found = try await database.run { connection throws(PostgresFailure) in try Self.apply(batch, connection) }
            for (place, outcome) in zip(round, found) { outcomes[place] = outcome }
        }
        return outcomes
    }

    private static func apply(_ batch: [MetadataUpdate], _ connection: PostgresConnection) throws(PostgresFailure) -> [ApplyOutcome] {
        let applied = try applied(connection.write(applyCall(batch)))
        let others = batch.map(\.conversationID).filter { !applied.contains($0) }
        let stands = others.isEmpty ? [:] : try sequences(of: others, connection)
        return batch.map { update in
            if applied.contains(update.conversationID) { return .applied }
            let sequence = stands[update.conversationID] ?? 0
            return sequence >= update.last ? .already : .tooEarly(appliedSequence: sequence)
        }
    }

    /// Applies steps of different conversations, at most ``maxSteps``. Those whose predecessor is missing, or that were applied
    /// before, change nothing.
    static func applyCall(_ steps: [MetadataUpdate]) -> PostgresCall { MetadataBatch(steps).call(applySteps) }

    /// The conversations to which an ``applyCall(_:)`` applied its step.
    static func applied(_ rows: PostgresRows) throws(PostgresFailure) -> Set<ConversationID> {
        Set(try rows.map { row throws(PostgresFailure) in try row.id(0, as: ConversationID.self) })
    }

    static let findSequences = PostgresStatement(
        "conversation.sequences", "SELECT conversation_id, last_sequence FROM conversations WHERE conversation_id = ANY ($1)")

    private static func sequences(
        of conversations: [ConversationID], _ connection: PostgresConnection
    ) throws(PostgresFailure) -> [ConversationID: Int64] {
        try sequences(connection.read(findSequences(.ids(conversations))))
    }

    /// What ``findSequences`` found.
    static func sequences(_ rows: PostgresRows) throws(PostgresFailure) -> [ConversationID: Int64] {
        var sequences: [ConversationID: Int64] = [:]
        for row in 0..<rows.count { sequences[try rows[row].id(0)] = try rows[row].int64(1) }
        return sequences
    }

    /// One row a step, and one a sender of a step. The rows are locked in the order of their ids before any is changed,
    /// a conversation's number before the conversation, as ``PostgresSequences`` does: batches that meet wait for each other,
    /// never in a circle. `sender1`, `sent1` and `sender2`, `sent2` are the senders
    /// of a direct conversation, of which there are no more.
    private static let applySteps = PostgresStatement(
        "conversation.apply",
        """
        WITH step AS (
            SELECT * FROM unnest(
                $1::uuid[], $2::int8[], $3::int8[], $4::text[], $5::timestamptz[], $6::text[], $7::uuid[], $8::int8[], $9::uuid[], $10::int8[],
                $14::int8[]
            ) AS step (conversation_id, first, last, message_id, message_at, preview, sender1, sent1, sender2, sent2, earliest)
        ), locked AS (
            SELECT s.conversation_id FROM conversation_sequences AS s JOIN conversations AS c USING (conversation_id)
            WHERE s.conversation_id = ANY ($1) ORDER BY s.conversation_id FOR NO KEY UPDATE OF s, c
        ), applied AS (
            UPDATE conversations AS c SET
                last_sequence = step.last,
                last_message_id = step.message_id,
                last_message_at = step.message_at,
                last_message_preview = step.preview,
                activity = greatest(c.activity + 1, \(clock)),
                past_activity = (c.past_activity || c.activity)[cardinality(c.past_activity) - \(pastLength - 2):],
                past_sequences = (c.past_sequences || c.last_sequence)[cardinality(c.past_sequences) - \(pastLength - 2):],
                max_delay = greatest(c.max_delay, \(clock) - step.earliest),
                unread_count_user1 = c.unread_count_user1 + CASE WHEN c.type = 'group' THEN 0 ELSE
                    step.last - step.first + 1 - CASE c.user1_id WHEN step.sender1 THEN sent1 WHEN step.sender2 THEN sent2 ELSE 0 END END,
                unread_count_user2 = c.unread_count_user2 + CASE WHEN c.type = 'group' THEN 0 ELSE
                    step.last - step.first + 1 - CASE c.user2_id WHEN step.sender1 THEN sent1 WHEN step.sender2 THEN sent2 ELSE 0 END END
            FROM step
            WHERE c.conversation_id = step.conversation_id AND c.last_sequence = step.first - 1 AND (SELECT count(*) FROM locked) >= 0
            RETURNING c.conversation_id, step.last
        ), numbered AS (
            UPDATE conversation_sequences AS s SET sequence_number = greatest(s.sequence_number, applied.last)
            FROM applied WHERE s.conversation_id = applied.conversation_id
        ), counted AS (
            UPDATE participants AS p SET own_sent = p.own_sent + sent.count
            FROM unnest($11::uuid[], $12::uuid[], $13::int8[]) AS sent (conversation_id, user_id, count) JOIN applied USING (conversation_id)
            WHERE p.conversation_id = sent.conversation_id AND p.user_id = sent.user_id
        )
        SELECT conversation_id FROM applied
        """)
}

/// Steps of different conversations as columns.
private struct MetadataBatch {
    let steps: [MetadataUpdate]
    /// The senders of each step, in the order of their ids.
    let senders: [[(user: UserID, count: Int64)]]

    init(_ steps: [MetadataUpdate]) {
        self.steps = steps
        senders = steps.map { step in step.sentBy.map { ($0.key, $0.value) }.sorted { $0.user < $1.user } }
    }

    func call(_ statement: PostgresStatement) -> PostgresCall {
        let sent = zip(steps, senders).flatMap { step, senders in senders.map { (step.conversationID, $0.user, $0.count) } }
        return statement(
            .ids(steps.map(\.conversationID)), .int64s(steps.map(\.first)), .int64s(steps.map(\.last)),
            .texts(steps.map(\.lastMessage.id.description)), .timestamps(steps.map(\.lastMessage.at)),
            .texts(steps.map(\.lastMessage.preview)), .ids(senders.map(\.first?.user)), .int64s(senders.map { $0.first?.count ?? 0 }),
            .ids(senders.map { $0.dropFirst().first?.user }), .int64s(senders.map { $0.dropFirst().first?.count ?? 0 }),
            .ids(sent.map(\.0)), .ids(sent.map(\.1)), .int64s(sent.map(\.2)), .int64s(steps.map { $0.earliestAt.microseconds }))
    }
}
