import ParleyModel

/// A conversation joined with one participant's row, in the order of ``columns``.
enum ConversationRow {
    /// Of `conversations AS c JOIN participants AS p`.
    static let columns = """
        c.conversation_id, c.type, c.title, c.created_by, c.created_at, c.user1_id, c.user2_id, c.participant_count, c.last_sequence, \
        c.last_message_id, c.last_message_at, c.last_message_preview, p.role, p.muted, p.muted_until, p.last_read_sequence, p.own_sent, \
        p.own_read, c.version, p.notification_level
        """
    static let columnCount = 20

    static func view(_ row: PostgresRow) throws(PostgresFailure) -> ConversationView {
        guard let type = ConversationType(rawValue: try row.text(1)) else { throw .damaged("an unknown type of conversation") }
        let lastSequence = try row.int64(8)
        let conversation = Conversation(
            id: try row.id(0), type: type, title: try row.optionalText(2), createdBy: try row.id(3), createdAt: try row.timestamp(4),
            directUserIDs: type == .direct ? [try row.id(5, as: UserID.self), try row.id(6)].sorted() : [],
            participantCount: try row.int64(7), lastMessage: try lastMessage(row), lastSequence: lastSequence,
            version: try row.int64(18))
        return ConversationView(
            conversation: conversation, role: try role(row, at: 12), mute: try mute(row, at: 13),
            notificationLevel: try level(row, at: 19),
            readState: readState(
                lastSequence: lastSequence, lastRead: try row.int64(15), ownSent: try row.int64(16), ownRead: try row.int64(17)))
    }

    private static func lastMessage(_ row: PostgresRow) throws(PostgresFailure) -> LastMessage? {
        guard let text = try row.optionalText(9) else { return nil }
        guard let id = MessageID(text) else { throw .damaged("a last message's id is not 24 hex digits") }
        return LastMessage(id: id, at: try row.timestamp(10), preview: try row.optionalText(11) ?? "")
    }

    static func role(_ row: PostgresRow, at column: Int) throws(PostgresFailure) -> Role {
        guard let role = Role(rawValue: try row.text(column)) else { throw .damaged("an unknown role") }
        return role
    }

    /// `muted` and the column after it.
    static func mute(_ row: PostgresRow, at column: Int) throws(PostgresFailure) -> Mute {
        guard try row.bool(column) else { return .off }
        return try row.optionalTimestamp(column + 1).map { .until($0) } ?? .forever
    }

    static func level(_ row: PostgresRow, at column: Int) throws(PostgresFailure) -> NotificationLevel {
        guard let level = NotificationLevel(rawValue: try row.text(column)) else { throw .damaged("an unknown level of notifications") }
        return level
    }

    /// What others sent after the marker: all messages after it less the participant's own.
    static func readState(lastSequence: Int64, lastRead: Int64, ownSent: Int64, ownRead: Int64) -> ReadState {
        ReadState(lastReadSequence: lastRead, unreadCount: lastSequence - lastRead - (ownSent - ownRead), lastSequence: lastSequence)
    }
}
