public import ParleyCore
public import ParleyModel

/// How far participants have read and received.
extension PostgresConversationStore {
    // MARK: Read markers

    public func advanceRead(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<ReadState>?
    {
        while true {
            guard let marker = try await marker(of: user, in: conversation) else { return nil }
            let target = min(sequenceNumber, marker.lastSequence)
            guard target > marker.lastRead else { return MarkerAdvance(state: marker.state, moved: false) }
            let own = try await ownMessages(of: user, in: conversation, passedBy: marker, to: target)
            if let state = try await advance(user, in: conversation, marker, to: target, own: own, at: now) {
                return MarkerAdvance(state: state, moved: true)
            }
            // Somebody moved the same marker in between; look again.
        }
    }

    private struct Marker {
        let lastSequence: Int64
        let lastRead: Int64
        let ownSent: Int64
        let ownRead: Int64
        let isDirect: Bool

        init(_ row: PostgresRow) throws(PostgresFailure) {
            lastSequence = try row.int64(0)
            lastRead = try row.int64(1)
            ownSent = try row.int64(2)
            ownRead = try row.int64(3)
            isDirect = try row.bool(4)
        }

        var state: ReadState {
            ConversationRow.readState(lastSequence: lastSequence, lastRead: lastRead, ownSent: ownSent, ownRead: ownRead)
        }
    }

    private static let findMarker = PostgresStatement(
        "marker.find",
        """
        SELECT c.last_sequence, p.last_read_sequence, p.own_sent, p.own_read, c.type = 'direct'
        FROM conversations AS c JOIN participants AS p USING (conversation_id) WHERE conversation_id = $1 AND p.user_id = $2
        """)

    private func marker(of user: UserID, in conversation: ConversationID) async throws(StoreError) -> Marker? {
        try await database.run { connection throws(PostgresFailure) in
            guard let row = try connection.read(Self.findMarker(.id(conversation), .id(user))).first else { return nil }
            return try Marker(row)
        }
    }

    /// The user's own messages that the marker would pass. Messages never change, so the count holds as long as the marker
    /// stands where it stood. Who reads to the end, or wrote nothing since, need not ask for it.
    private func ownMessages(
        of user: UserID, in conversation: ConversationID, passedBy marker: Marker, to target: Int64
    ) async throws(StoreError) -> Int64 {
        let unpassed = marker.ownSent - marker.ownRead
        if unpassed == 0 || target == marker.lastSequence { return unpassed }
        return min(unpassed, try await facts.sentCount(in: conversation, by: user, after: marker.lastRead, through: target))
    }

    private static let lock = PostgresStatement(
        "conversation.lock", "SELECT 1 FROM conversations WHERE conversation_id = $1 FOR NO KEY UPDATE")

    /// A direct conversation's counter for other programs goes down by what was passed that the other one sent.
    private static let moveMarker = PostgresStatement(
        "marker.move",
        """
        WITH moved AS (
            UPDATE participants SET last_read_sequence = $4, own_read = own_read + $5, changed_at = $6
            WHERE conversation_id = $1 AND user_id = $2 AND last_read_sequence = $3 RETURNING conversation_id
        ), lowered AS (
            UPDATE conversations AS c SET
                unread_count_user1 = unread_count_user1 - CASE user1_id WHEN $2 THEN $4 - $3 - $5 ELSE 0 END,
                unread_count_user2 = unread_count_user2 - CASE user2_id WHEN $2 THEN $4 - $3 - $5 ELSE 0 END
            FROM moved WHERE c.conversation_id = moved.conversation_id AND c.type = 'direct'
        )
        SELECT conversation_id FROM moved
        """)

    /// Nil when the marker is no longer where it was seen.
    private func advance(
        _ user: UserID, in conversation: ConversationID, _ seen: Marker, to target: Int64, own: Int64, at now: Timestamp
    ) async throws(StoreError) -> ReadState? {
        try await database.run { connection throws(PostgresFailure) in
            // What changes the conversation locks it first; a group's row is not touched, so that readers wait for nobody.
            let lock = seen.isDirect ? [Self.lock(.id(conversation))] : []
            let move = Self.moveMarker(
                .id(conversation), .id(user), .int64(seen.lastRead), .int64(target), .int64(own), .timestamp(now))
            let takeBack = PostgresTakeBacks.afterReading(by: user, in: conversation, at: now)
            let answers = try connection.write(lock + [move] + takeBack + [Self.findMarker(.id(conversation), .id(user))])
            guard answers[lock.count].count == 1, let row = answers.last?.first else { return nil }
            return try Marker(row).state
        }
    }

    // MARK: Delivered markers

    private static let findDelivered = PostgresStatement(
        "delivered.find",
        """
        SELECT greatest(p.last_read_sequence, p.last_delivered_sequence), c.last_sequence
        FROM conversations AS c JOIN participants AS p USING (conversation_id) WHERE conversation_id = $1 AND p.user_id = $2
        """)

    private static let moveDelivered = PostgresStatement(
        "delivered.move",
        """
        UPDATE participants SET last_delivered_sequence = $3, changed_at = $4
        WHERE conversation_id = $1 AND user_id = $2 AND greatest(last_read_sequence, last_delivered_sequence) < $3
        """)

    public func advanceDelivered(of user: UserID, in conversation: ConversationID, to sequenceNumber: Int64, at now: Timestamp)
        async throws(StoreError) -> MarkerAdvance<Int64>?
    {
        try await database.run { connection throws(PostgresFailure) in
            let find = Self.findDelivered(.id(conversation), .id(user))
            guard let row = try connection.read(find).first else { return nil }
            let stands = try row.int64(0)
            let target = min(sequenceNumber, try row.int64(1))
            // Most acknowledgements of a second device say nothing new, and so cost no commit.
            guard target > stands else { return MarkerAdvance(state: stands, moved: false) }
            let move = Self.moveDelivered(.id(conversation), .id(user), .int64(target), .timestamp(now))
            let answers = try connection.write([move, find])
            guard let row = answers[1].first else { return nil }
            return MarkerAdvance(state: try row.int64(0), moved: answers[0].changed == 1)
        }
    }

    private static let countReceipts = PostgresStatement(
        "receipts.count",
        """
        SELECT count(*) FILTER (WHERE last_read_sequence >= $2),
            count(*) FILTER (WHERE greatest(last_read_sequence, last_delivered_sequence) >= $2)
        FROM participants WHERE conversation_id = $1
        """)

    public func receiptCounts(of conversation: ConversationID, at sequenceNumber: Int64) async throws(StoreError) -> ReceiptCounts {
        try await database.run { connection throws(PostgresFailure) in
            let row = try connection.read(Self.countReceipts(.id(conversation), .int64(sequenceNumber)))[0]
            return ReceiptCounts(sequenceNumber: sequenceNumber, readCount: try row.int64(0), deliveredCount: try row.int64(1))
        }
    }
}
