import Foundation
import GRDB
public import ParleyCore
public import ParleyModel

/// Messages in SQLite. One transaction takes the numbers, stores the messages and applies the metadata; batches that
/// wait together share a commit (``GroupCommitWriter``).
public struct SQLiteMessageStore: MessageStore, EffectLog {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    public var appliesMetadata: Bool { true }

    // MARK: Appending

    public func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome] {
        try await database.write { db in
            var append = try SQLiteAppend(db)
            return try append.run(batch)
        }
    }

    // MARK: Reading

    /// The columns of a message, in the order that ``message(_:in:)`` reads them.
    static let columns = "id, sequence_number, sender_id, message_type, content, media_ids, client_message_id, created_at"

    static func message(_ row: Row, in conversation: ConversationID, from column: Int = 0) throws -> Message {
        guard let type = MessageType(rawValue: row[column + 3]) else { throw DamagedRow(column: "message_type") }
        return Message(
            id: try row.messageID(at: column), conversationID: conversation, senderID: try row.id(at: column + 2),
            clientMessageID: row[column + 6], messageType: type, content: row[column + 4], mediaIDs: try row.ids(at: column + 5),
            sequenceNumber: row[column + 1], createdAt: row.timestamp(at: column + 7))
    }

    public func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History {
        try await database.read { db in
            let statement = try db.cachedStatement(sql: "SELECT ref, last_sequence FROM conversations WHERE id = ?")
            guard let row = try Row.fetchOne(statement, arguments: [conversation.blob]) else {
                return History(messages: [], hasMore: false, lastSequence: 0)
            }
            let range = HistoryRange(query, limit: Int64(limit), lastSequence: row[1])
            let page = try db.cachedStatement(
                sql: """
                    SELECT \(Self.columns) FROM messages
                    WHERE conversation_ref = ? AND sequence_number BETWEEN ? AND ? ORDER BY sequence_number
                    """)
            var messages: [Message] = []
            messages.reserveCapacity(limit)
            let rows = try Row.fetchCursor(page, arguments: [row[0] as Int64, range.first, range.last])
            while let message = try rows.next() { messages.append(try Self.message(message, in: conversation)) }
            return History(messages: messages, hasMore: range.hasMore, lastSequence: row[1])
        }
    }

    public func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async throws(StoreError) -> Message?
    {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT \(Self.columns) FROM messages
                    WHERE conversation_ref = (SELECT ref FROM conversations WHERE id = ?) AND sender_id = ? AND client_message_id = ?
                    """)
            let row = try Row.fetchOne(statement, arguments: [conversation.blob, sender.blob, clientMessageID])
            return try row.map { try Self.message($0, in: conversation) }
        }
    }

    public func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads {
        try await database.read { db in
            let newest = try Int64.fetchOne(db, sql: "SELECT max(position) FROM messages") ?? 0
            guard let mark, mark.value < newest else { return ActivityHeads(mark: ActivityMark(newest), sequences: [:]) }
            let statement = try db.cachedStatement(
                sql: """
                    SELECT id, last FROM (
                        SELECT conversation_ref, max(sequence_number) AS last FROM messages WHERE position > ? GROUP BY conversation_ref
                    ) JOIN conversations ON ref = conversation_ref
                    """)
            var sequences: [ConversationID: Int64] = [:]
            let rows = try Row.fetchCursor(statement, arguments: [mark.value])
            while let row = try rows.next() { sequences[try row.id(at: 0)] = row[1] }
            return ActivityHeads(mark: ActivityMark(newest), sequences: sequences)
        }
    }

    // MARK: The log

    public func checkpoint() async throws(StoreError) -> LogPosition {
        try await database.read { db in
            LogPosition(try Int64.fetchOne(db, sql: "SELECT position FROM effect_checkpoint") ?? 0)
        }
    }

    public func lastPosition() async throws(StoreError) -> LogPosition {
        try await database.read { db in
            LogPosition(try Int64.fetchOne(db, sql: "SELECT max(position) FROM messages") ?? 0)
        }
    }

    public func messages(after position: LogPosition, limit: Int) async throws(StoreError) -> [LoggedMessage] {
        try await database.read { db in
            let statement = try db.cachedStatement(
                sql: """
                    SELECT position, (SELECT id FROM conversations WHERE ref = conversation_ref), \(Self.columns)
                    FROM messages WHERE position > ? ORDER BY position LIMIT ?
                    """)
            return try Row.fetchAll(statement, arguments: [position.value, limit]).map { row in
                LoggedMessage(message: try Self.message(row, in: try row.id(at: 1), from: 2), position: LogPosition(row[0]))
            }
        }
    }

    public func advance(to position: LogPosition) async throws(StoreError) {
        try await database.write { db in
            try db.cachedStatement(sql: "UPDATE effect_checkpoint SET position = ? WHERE position < ?")
                .execute(arguments: [position.value, position.value])
        }
    }
}
