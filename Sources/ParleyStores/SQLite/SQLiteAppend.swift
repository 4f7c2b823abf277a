import Foundation
import GRDB
import ParleyCore
import ParleyModel

/// Appends one batch inside a transaction: each message takes the number after its conversation's last one; at the end
/// every conversation that got messages is updated once, and each of its senders' own counts once.
struct SQLiteAppend {
    private struct Growth {
        let ref: Int64
        var lastSequence: Int64
        var last: (message: NewMessage, position: Int64)?
        var sentBy: [UserID: Int64] = [:]
    }

    private let db: Database
    private let find: Statement
    private let insert: Statement
    private let findKey: Statement
    private var growths: [ConversationID: Growth] = [:]
    private var unknown: Set<ConversationID> = []

    init(_ db: Database) throws {
        self.db = db
        find = try db.cachedStatement(sql: "SELECT ref, last_sequence FROM conversations WHERE id = ?")
        insert = try db.cachedStatement(
            sql: """
                INSERT INTO messages
                (id, conversation_ref, sequence_number, sender_id, message_type, content, media_ids, client_message_id, created_at)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
                ON CONFLICT (conversation_ref, sender_id, client_message_id) WHERE client_message_id IS NOT NULL DO NOTHING
                """)
        findKey = try db.cachedStatement(
            sql: """
                SELECT \(SQLiteMessageStore.columns) FROM messages
                WHERE conversation_ref = ? AND sender_id = ? AND client_message_id = ?
                """)
    }

    mutating func run(_ batch: [NewMessage]) throws -> [AppendOutcome] {
        var outcomes: [AppendOutcome] = []
        outcomes.reserveCapacity(batch.count)
        for message in batch { outcomes.append(try append(message)) }
        for growth in growths.values { try apply(growth) }
        return outcomes
    }

    private mutating func append(_ message: NewMessage) throws -> AppendOutcome {
        guard var growth = try growth(of: message.conversationID) else { return .noConversation }
        let number = growth.lastSequence + 1
        try insert.execute(arguments: [
            message.id.blob, growth.ref, number, message.senderID.blob, message.messageType.rawValue, message.content,
            message.mediaIDs.isEmpty ? nil : MediaID.blob(of: message.mediaIDs), message.clientMessageID, message.createdAt.milliseconds,
        ])
        guard db.changesCount == 1 else { return .repeated(try first(of: message, ref: growth.ref)) }
        let position = db.lastInsertedRowID
        growth.lastSequence = number
        growth.last = (message, position)
        growth.sentBy[message.senderID, default: 0] += 1
        growths[message.conversationID] = growth
        for media in message.mediaIDs { try use(media, in: growth.ref) }
        return .stored(message.numbered(number), LogPosition(position))
    }

    private mutating func growth(of conversation: ConversationID) throws -> Growth? {
        if let growth = growths[conversation] { return growth }
        if unknown.contains(conversation) { return nil }
        guard let row = try Row.fetchOne(find, arguments: [conversation.blob]) else {
            unknown.insert(conversation)
            return nil
        }
        let growth = Growth(ref: row[0], lastSequence: row[1])
        growths[conversation] = growth
        return growth
    }

    private func first(of message: NewMessage, ref: Int64) throws -> Message {
        guard let row = try Row.fetchOne(findKey, arguments: [ref, message.senderID.blob, message.clientMessageID]) else {
            throw StoreError.unexpected("a message was refused for its key, but no message has it")
        }
        return try SQLiteMessageStore.message(row, in: message.conversationID)
    }

    private func use(_ media: MediaID, in ref: Int64) throws {
        try db.cachedStatement(sql: "INSERT OR IGNORE INTO media_uses (media_id, conversation_ref) VALUES (?, ?)")
            .execute(arguments: [media.blob, ref])
    }

    private func apply(_ growth: Growth) throws {
        guard let (message, position) = growth.last else { return }
        try db.cachedStatement(
            sql: """
                UPDATE conversations SET last_sequence = ?, last_message_id = ?, last_message_at = ?, last_message_preview = ?, activity = ?
                WHERE ref = ?
                """
        ).execute(arguments: [growth.lastSequence, message.id.blob, message.createdAt.milliseconds, message.preview, position, growth.ref])
        let count = try db.cachedStatement(
            sql: "UPDATE participants SET own_sent = own_sent + ? WHERE conversation_ref = ? AND user_id = ?")
        for (sender, sent) in growth.sentBy { try count.execute(arguments: [sent, growth.ref, sender.blob]) }
    }
}
