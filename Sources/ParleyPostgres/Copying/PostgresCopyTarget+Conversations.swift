public import ParleyCore
import ParleyModel

/// Conversations as whole rows. What their rows say of messages is of messages that are stored already.
extension PostgresCopyTarget {
    private static let columns = """
        conversation_id, type, user1_id, user2_id, last_message_id, last_message_at, last_message_preview, unread_count_user1, \
        unread_count_user2, title, created_by, created_at, version, changed_at, participant_count, last_sequence, created_activity, activity, \
        past_activity, past_sequences
        """
    private static let rows = """
        SELECT id, type, user1, user2, message, at, preview, unread1::int, unread2::int, title, by, created, version, changed, count, last,
            made, activity, past::int8[], sequences::int8[]
        FROM unnest(
            $1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::timestamptz[], $7::text[], $8::int8[], $9::int8[], $10::text[],
            $11::uuid[], $12::timestamptz[], $13::int8[], $14::timestamptz[], $15::int8[], $16::int8[], $17::int8[], $18::int8[],
            $19::text[], $20::text[]
        ) AS new (
            id, type, user1, user2, message, at, preview, unread1, unread2, title, by, created, version, changed, count, last, made,
            activity, past, sequences
        )
        """
    private static let numbers = """
        INSERT INTO conversation_sequences AS s (conversation_id, sequence_number) SELECT * FROM unnest($1::uuid[], $2::int8[])
        """

    private static let make = PostgresStatement(
        "copy.conversations.make", "INSERT INTO conversations (\(columns)) \(rows) ON CONFLICT (conversation_id) DO NOTHING")
    private static let makeNumbers = PostgresStatement("copy.numbers.make", "\(numbers) ON CONFLICT (conversation_id) DO NOTHING")

    /// Conversations that are not there yet, as they are before their first message; the others are left alone.
    public func makeConversations(_ records: [CopiedConversation]) async throws {
        let batch = ConversationBatch(records)
        _ = try await write { transaction throws(PostgresFailure) in
            try transaction.run([batch.call(Self.make), batch.numbers(Self.makeNumbers)]).count
        }
    }

    private static let put = PostgresStatement(
        "copy.conversations.put",
        """
        INSERT INTO conversations AS c (\(columns)) \(rows)
        ON CONFLICT (conversation_id) DO UPDATE SET
            last_message_id = excluded.last_message_id, last_message_at = excluded.last_message_at,
            last_message_preview = excluded.last_message_preview, unread_count_user1 = excluded.unread_count_user1,
            unread_count_user2 = excluded.unread_count_user2, title = excluded.title, version = excluded.version,
            changed_at = excluded.changed_at, participant_count = excluded.participant_count, last_sequence = excluded.last_sequence,
            activity = excluded.activity, past_activity = excluded.past_activity, past_sequences = excluded.past_sequences
        WHERE (
            c.last_message_id, c.last_message_at, c.last_message_preview, c.unread_count_user1, c.unread_count_user2, c.title, c.version,
            c.changed_at, c.participant_count, c.last_sequence, c.activity, c.past_activity, c.past_sequences
        ) IS DISTINCT FROM (
            excluded.last_message_id, excluded.last_message_at, excluded.last_message_preview, excluded.unread_count_user1,
            excluded.unread_count_user2, excluded.title, excluded.version, excluded.changed_at, excluded.participant_count,
            excluded.last_sequence, excluded.activity, excluded.past_activity, excluded.past_sequences
        )
        """)
    private static let putNumbers = PostgresStatement(
        "copy.numbers.put",
        """
        \(numbers) ON CONFLICT (conversation_id) DO UPDATE SET sequence_number = excluded.sequence_number
        WHERE s.sequence_number <> excluded.sequence_number
        """)

    /// Makes conversations and their participants what the records say. Tells how many rows changed.
    public func putConversations(_ records: [CopiedConversation]) async throws -> Int {
        let batch = ConversationBatch(records)
        let participants = ParticipantBatch.all(records)
        return try await write { transaction throws(PostgresFailure) in
            let answers = try transaction.run([batch.call(Self.put), batch.numbers(Self.putNumbers)])
            var changed = answers[0].changed
            for some in participants { changed += try transaction.run(some.call(Self.putParticipants)).changed }
            return try changed + Self.removeOthers(than: records, transaction)
        }
    }

    // MARK: Participants

    private static let putParticipants = PostgresStatement(
        "copy.participants.put",
        """
        INSERT INTO participants AS p (
            conversation_id, user_id, role, joined_at, muted, muted_until, last_read_sequence, last_delivered_sequence, own_sent, own_read,
            changed_at, notification_level
        )
        SELECT conversation, user_id, role, joined, muted = 1, until, read, delivered, sent, own_read, changed, level FROM unnest(
            $1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int8[], $6::timestamptz[], $7::int8[], $8::int8[], $9::int8[],
            $10::int8[], $11::timestamptz[], $12::text[]
        ) AS new (conversation, user_id, role, joined, muted, until, read, delivered, sent, own_read, changed, level)
        ON CONFLICT (conversation_id, user_id) DO UPDATE SET
            role = excluded.role, joined_at = excluded.joined_at, muted = excluded.muted, muted_until = excluded.muted_until,
            last_read_sequence = excluded.last_read_sequence, last_delivered_sequence = excluded.last_delivered_sequence,
            own_sent = excluded.own_sent, own_read = excluded.own_read, changed_at = excluded.changed_at,
            notification_level = excluded.notification_level
        WHERE (
            p.role, p.joined_at, p.muted, p.muted_until, p.last_read_sequence, p.last_delivered_sequence, p.own_sent, p.own_read,
            p.changed_at, p.notification_level
        ) IS DISTINCT FROM (
            excluded.role, excluded.joined_at, excluded.muted, excluded.muted_until, excluded.last_read_sequence,
            excluded.last_delivered_sequence, excluded.own_sent, excluded.own_read, excluded.changed_at, excluded.notification_level
        )
        """)
    private static let countParticipants = PostgresStatement(
        "copy.participants.count",
        "SELECT conversation_id, count(*) FROM participants WHERE conversation_id = ANY ($1) GROUP BY conversation_id")
    private static let findParticipants = PostgresStatement(
        "copy.participants.find", "SELECT user_id FROM participants WHERE conversation_id = $1")
    private static let removeParticipants = PostgresStatement(
        "copy.participants.remove", "DELETE FROM participants WHERE conversation_id = $1 AND user_id = ANY ($2)")

    /// Those who are in the records are there by now; where there are more, the others have left.
    private static func removeOthers(
        than records: [CopiedConversation], _ transaction: PostgresTransaction
    ) throws(PostgresFailure) -> Int {
        let counts = try transaction.run(countParticipants(.ids(records.map(\.conversation.id))))
        var found: [ConversationID: Int64] = [:]
        for row in 0..<counts.count { found[try counts[row].id(0)] = try counts[row].int64(1) }
        var removed = 0
        for record in records where found[record.conversation.id] ?? 0 != record.participants.count {
            let present = Set(record.participants.map(\.participant.userID))
            let users: [UserID] = try transaction.run(findParticipants(.id(record.conversation.id)))
                .map { row throws(PostgresFailure) in try row.id(0) }
            let gone = users.filter { !present.contains($0) }
            removed += try transaction.run(removeParticipants(.id(record.conversation.id), .ids(gone))).changed
        }
        return removed
    }
}

/// Conversations as columns.
private struct ConversationBatch: Sendable {
    let records: [CopiedConversation]

    init(_ records: [CopiedConversation]) { self.records = records }

    func call(_ statement: PostgresStatement) -> PostgresCall {
        let all = records.map(\.conversation)
        return statement(
            .ids(all.map(\.id)), .texts(all.map(\.type.rawValue)), .ids(all.map(\.directUserIDs.first)),
            .ids(all.map(\.directUserIDs.last)),
            .texts(all.map { $0.lastMessage?.id.description }), .timestamps(all.map { $0.lastMessage?.at }),
            .texts(all.map { $0.lastMessage?.preview }), .int64s(records.map { $0.unreadCount(of: 0) }),
            .int64s(records.map { $0.unreadCount(of: 1) }), .texts(all.map(\.title)), .ids(all.map(\.createdBy)),
            .timestamps(all.map(\.createdAt)), .int64s(all.map(\.version)), .timestamps(records.map(\.changedAt)),
            .int64s(all.map(\.participantCount)), .int64s(all.map(\.lastSequence)), .int64s(records.map(\.createdActivity)),
            .int64s(records.map(\.activity)), .texts(records.map { Self.text($0.past.map(\.activity)) }),
            .texts(records.map { Self.text($0.past.map(\.sequenceNumber)) }))
    }

    func numbers(_ statement: PostgresStatement) -> PostgresCall {
        statement(.ids(records.map(\.conversation.id)), .int64s(records.map(\.conversation.lastSequence)))
    }

    /// An array as text: columns of arrays of different lengths cannot be one array.
    private static func text(_ numbers: [Int64]) -> String { "{" + numbers.map(String.init).joined(separator: ",") + "}" }
}

extension CopiedConversation {
    /// A direct conversation's counter for other programs; 0 for a user who has left.
    fileprivate func unreadCount(of place: Int) -> Int64 {
        guard conversation.type == .direct else { return 0 }
        let user = conversation.directUserIDs[place]
        return participants.first { $0.participant.userID == user }?.unreadCount(lastSequence: conversation.lastSequence) ?? 0
    }
}

/// Participants as columns.
private struct ParticipantBatch: Sendable {
    let rows: [(conversation: ConversationID, record: CopiedParticipant)]

    static func all(_ records: [CopiedConversation]) -> [ParticipantBatch] {
        let rows = records.flatMap { record in record.participants.map { (record.conversation.id, $0) } }
        return stride(from: 0, to: rows.count, by: PostgresCopyTarget.maxRows).map { start in
            ParticipantBatch(rows: Array(rows[start..<min(start + PostgresCopyTarget.maxRows, rows.count)]))
        }
    }

    func call(_ statement: PostgresStatement) -> PostgresCall {
        let records = rows.map(\.record)
        let all = records.map(\.participant)
        return statement(
            .ids(rows.map(\.conversation)), .ids(all.map(\.userID)), .texts(all.map(\.role.rawValue)), .timestamps(all.map(\.joinedAt)),
            .int64s(records.map { $0.mute == .off ? 0 : 1 }), .timestamps(records.map(\.mutedUntil)),
            .int64s(all.map(\.lastReadSequence)), .int64s(all.map(\.lastDeliveredSequence)), .int64s(records.map(\.ownSent)),
            .int64s(records.map(\.ownRead)), .timestamps(records.map(\.changedAt)), .texts(records.map(\.notificationLevel.rawValue)))
    }
}

extension CopiedParticipant {
    fileprivate var mutedUntil: Timestamp? {
        guard case .until(let end) = mute else { return nil }
        return end
    }
}
