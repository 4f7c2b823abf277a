public import ParleyCore
public import ParleyModel

/// A user's list by cursor. Activity moves while a client pages, so a page is cut from the order as it was when the first
/// page was read: the cursor carries the newest activity of then, and a conversation that was active since is placed where
/// it stood, which its row remembers.
///
/// It remembers ``pastLength`` steps: a conversation that gets more batches of messages than that while its user pages
/// counts as never moved since it was made, and may so be listed twice. It is never left out.
extension PostgresConversationStore {
    struct Cursor: Equatable {
        /// The newest activity in the list when the first page was read.
        let snapshot: Int64
        /// Where the last conversation delivered stood then.
        let place: Int64
        let conversation: ConversationID

        static let start = Cursor(snapshot: .max, place: .max, conversation: ConversationID(high: .max, low: .max))

        init(snapshot: Int64, place: Int64, conversation: ConversationID) {
            self.snapshot = snapshot
            self.place = place
            self.conversation = conversation
        }

        var text: String { "1.\(snapshot).\(place).\(conversation)" }

        init(_ text: String) throws(StoreError) {
            let parts = text.split(separator: ".", omittingEmptySubsequences: false)
            guard text.utf8.count <= 80, parts.count == 4, parts[0] == "1", let snapshot = Int64(parts[1]), let place = Int64(parts[2]),
                let conversation = ConversationID(parts[3]), place >= 0, place <= snapshot
            else { throw .invalidCursor }
            self.init(snapshot: snapshot, place: place, conversation: conversation)
        }
    }

    private static let listPage = PostgresStatement(
        "conversation.list",
        """
        WITH stood AS (
            SELECT conversation_id,
                CASE WHEN c.activity <= $2 THEN c.activity
                ELSE coalesce((SELECT max(past) FROM unnest(c.past_activity) AS past WHERE past <= $2), c.created_activity) END AS place
            FROM participants AS p JOIN conversations AS c USING (conversation_id)
            WHERE p.user_id = $1 AND c.created_activity <= $2
        ), page AS (
            SELECT conversation_id, place FROM stood WHERE (place, conversation_id) < ($3, $4)
            ORDER BY place DESC, conversation_id DESC LIMIT $5
        )
        SELECT \(ConversationRow.columns), place
        FROM page JOIN conversations AS c USING (conversation_id) JOIN participants AS p USING (conversation_id)
        WHERE p.user_id = $1
        ORDER BY place DESC, conversation_id DESC
        """)

    public func list(for user: UserID, limit: Int, cursor: String?) async throws(StoreError)
        -> (views: [ConversationView], nextCursor: String?)
    {
        let cursor = try cursor.map { text throws(StoreError) in try Cursor(text) } ?? .start
        return try await database.run { connection throws(PostgresFailure) in
            // One more than asked for, to know whether there is a next page.
            let rows = try connection.read(
                Self.listPage(
                    .id(user), .int64(cursor.snapshot), .int64(cursor.place), .id(cursor.conversation), .int64(Int64(limit) + 1)))
            let views = try rows.map(ConversationRow.view)
            guard limit > 0, views.count > limit else { return (views, nil) }
            let placeColumn = ConversationRow.columnCount
            let snapshot = cursor == .start ? try rows[0].int64(placeColumn) : cursor.snapshot
            let next = Cursor(
                snapshot: snapshot, place: try rows[limit - 1].int64(placeColumn), conversation: views[limit - 1].conversation.id)
            return (Array(views.prefix(limit)), next.text)
        }
    }
}
