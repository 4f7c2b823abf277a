public import ParleyCore
public import ParleyModel

/// What a client that comes back asks for.
extension PostgresConversationStore {
    // MARK: Standings

    /// What a row remembers is asked for only where the conversation was active after the mark.
    private static let findStandings = PostgresStatement(
        "standings",
        """
        SELECT conversation_id, c.last_sequence, p.joined_at, c.activity, c.created_activity,
            CASE WHEN c.activity > $2 THEN c.past_activity ELSE '{}' END,
            CASE WHEN c.activity > $2 THEN c.past_sequences ELSE '{}' END, c.max_delay
        FROM participants AS p JOIN conversations AS c USING (conversation_id) WHERE p.user_id = $1
        """)

    public func standings(of user: UserID, since mark: ActivityMark?) async throws(StoreError) -> UserStandings {
        let (next, rows) = try await database.run { [marks] connection throws(PostgresFailure) in
            let (next, rows) = try marks.read(Self.findStandings(.id(user), .int64(mark?.value ?? .max)), connection)
            return (next, try rows.map { row throws(PostgresFailure) in try StandingRow(row) })
        }
        guard let mark else { return UserStandings(mark: next, conversations: rows.map { $0.standing($0.lastSequence) }) }
        let forgotten = rows.filter { $0.sequence(at: mark) == nil }
        var firsts: [ConversationID: Int64] = [:]
        if let time = forgotten.map({ $0.earliestTime(appliedAfter: mark) }).min() {
            firsts = try await facts.firstSequence(in: forgotten.map(\.conversationID), storedAfter: time)
        }
        return UserStandings(
            mark: next,
            conversations: rows.map { row in
                row.standing(row.sequence(at: mark) ?? row.sequence(before: firsts[row.conversationID]))
            })
    }

    // MARK: Changes

    private static let findChanged = PostgresStatement(
        "missed.changed",
        """
        SELECT conversation_id FROM participants AS p JOIN conversations AS c USING (conversation_id)
        WHERE p.user_id = $1 AND (c.changed_at >= $2 OR p.changed_at >= $2)
        """)
    private static let findLeft = PostgresStatement(
        "missed.left", "SELECT conversation_id FROM departures WHERE user_id = $1 AND left_at >= $2")
    private static let findMarkers = PostgresStatement(
        "missed.markers",
        """
        SELECT conversation_id, theirs.user_id, theirs.last_read_sequence,
            greatest(theirs.last_read_sequence, theirs.last_delivered_sequence)
        FROM participants AS mine JOIN conversations AS c USING (conversation_id) JOIN participants AS theirs USING (conversation_id)
        WHERE mine.user_id = $1 AND c.participant_count <= $3 AND theirs.changed_at >= $2 AND theirs.user_id <> $1
        """)

    public func missedChanges(of user: UserID, since time: Timestamp, maxParticipants: Int64) async throws(StoreError) -> MissedChanges {
        try await database.run { connection throws(PostgresFailure) in
            let rows = try connection.read([
                Self.findChanged(.id(user), .timestamp(time)), Self.findLeft(.id(user), .timestamp(time)),
                Self.findMarkers(.id(user), .timestamp(time), .int64(maxParticipants)),
            ])
            return MissedChanges(
                conversations: try rows[0].map { row throws(PostgresFailure) in try row.id(0) },
                left: try rows[1].map { row throws(PostgresFailure) in try row.id(0) },
                markers: try rows[2].map { row throws(PostgresFailure) in
                    ParticipantMarkers(
                        conversationID: try row.id(0), userID: try row.id(1), lastReadSequence: try row.int64(2),
                        lastDeliveredSequence: try row.int64(3))
                })
        }
    }
}

/// A user's conversation with what its row remembers of the past.
private struct StandingRow: Sendable {
    let conversationID: ConversationID
    let lastSequence: Int64
    let joinedAt: Timestamp
    let activity: Int64
    let createdActivity: Int64
    let pastActivity: [Int64]
    let pastSequences: [Int64]
    let maxDelay: Int64

    init(_ row: PostgresRow) throws(PostgresFailure) {
        conversationID = try row.id(0)
        lastSequence = try row.int64(1)
        joinedAt = try row.timestamp(2)
        activity = try row.int64(3)
        createdActivity = try row.int64(4)
        pastActivity = try row.int64s(5)
        pastSequences = try row.int64s(6)
        maxDelay = try row.int64(7)
        guard pastActivity.count == pastSequences.count else { throw .damaged("past activity without its numbers") }
    }

    /// Where the conversation stood at a mark; nil when its row remembers nothing as old.
    func sequence(at mark: ActivityMark) -> Int64? {
        if activity <= mark.value { return lastSequence }
        if createdActivity > mark.value { return 0 }
        return pastActivity.lastIndex { $0 <= mark.value }.map { pastSequences[$0] }
    }

    /// All messages that were applied after a mark have later times than this, by whichever clocks: none ever waited longer.
    /// A mark is PostgreSQL's time, and after an outage of PostgreSQL messages are applied long after they were stored.
    func earliestTime(appliedAfter mark: ActivityMark) -> Timestamp {
        Timestamp(milliseconds: (mark.value - min(maxDelay, mark.value)) / 1000 - 1)
    }

    /// The number before the first one that was stored after that time, and never above the oldest remembered.
    func sequence(before first: Int64?) -> Int64 {
        let oldest = pastSequences.first ?? lastSequence
        return min(oldest, max(0, (first ?? .max) - 1))
    }

    func standing(_ sequenceAtMark: Int64) -> ConversationStanding {
        ConversationStanding(
            conversationID: conversationID, lastSequence: lastSequence, sequenceAtMark: sequenceAtMark, joinedAt: joinedAt)
    }
}
