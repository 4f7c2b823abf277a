public import ParleyCore
public import ParleyModel

extension PostgresConversationStore: DepartureLog {
    private static let findDepartures = PostgresStatement(
        "departures.since",
        """
        SELECT user_id, conversation_id, left_at FROM departures WHERE (left_at, user_id, conversation_id) >= ($1, $2, $3)
        ORDER BY left_at, user_id, conversation_id LIMIT $4
        """)

    /// The index holds all that is asked for, in this order.
    public func departures(since time: Timestamp, after last: Departure?, limit: Int) async throws(StoreError) -> [Departure] {
        let first = last ?? Departure(userID: UserID(high: 0, low: 0), conversationID: ConversationID(high: 0, low: 0), leftAt: time)
        let found = try await database.run { connection throws(PostgresFailure) in
            let call = Self.findDepartures(
                .timestamp(first.leftAt), .id(first.userID), .id(first.conversationID), .int64(Int64(limit) + 1))
            return try connection.read(call).map { row throws(PostgresFailure) in
                Departure(userID: try row.id(0), conversationID: try row.id(1), leftAt: try row.timestamp(2))
            }
        }
        return Array(found.drop { $0 == last }.prefix(limit))
    }
}
