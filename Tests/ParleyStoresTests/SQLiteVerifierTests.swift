import GRDB
import Logging
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyStores

/// `verify` must find what it claims to find: a good store is damaged in one way at a time.
struct SQLiteVerifierTests {
    struct Damage: CustomStringConvertible, Sendable {
        let description: String
        let sql: String
        let finding: String
    }

    static let damages = [
        Damage(description: "a hole", sql: "DELETE FROM messages WHERE sequence_number = 2", finding: "numbers 2 to 2 are missing"),
        Damage(
            description: "a number used twice",
            sql: "DROP INDEX messages_by_sequence; UPDATE messages SET sequence_number = 2 WHERE sequence_number = 3",
            finding: "number 2 is used twice"),
        Damage(
            description: "a key used twice", sql: "DROP INDEX messages_by_key; UPDATE messages SET client_message_id = 'key'",
            finding: "client_message_ids have more than one message"),
        Damage(
            description: "a lost last message", sql: "DELETE FROM messages WHERE sequence_number = 4",
            finding: "last_sequence is 4, but the last message is 3"),
        Damage(
            description: "a wrong preview", sql: "UPDATE conversations SET last_message_preview = 'other'", finding: "last_message_preview"),
        Damage(
            description: "a wrong last id", sql: "UPDATE conversations SET last_message_id = x'000000000000000000000000'",
            finding: "last_message_id"),
        Damage(description: "a wrong last time", sql: "UPDATE conversations SET last_message_at = 1", finding: "last_message_at"),
        Damage(description: "a wrong activity", sql: "UPDATE conversations SET activity = 1", finding: "activity"),
        Damage(
            description: "a drifted unread count", sql: "UPDATE participants SET own_sent = own_sent + 1", finding: "unread_count of user"),
        Damage(description: "a marker past the end", sql: "UPDATE participants SET last_read_sequence = 9", finding: "has read to 9"),
        Damage(
            description: "a wrong participant count", sql: "UPDATE conversations SET participant_count = 7",
            finding: "participant_count is 7"),
        Damage(
            description: "a message of no conversation",
            sql: "PRAGMA foreign_keys = OFF; UPDATE messages SET conversation_ref = 99 WHERE sequence_number = 4",
            finding: "belong to no conversation"),
        Damage(
            description: "effects said to be done ahead", sql: "UPDATE effect_checkpoint SET position = 99",
            finding: "effects are marked done up to 99"),
    ]

    @Test(arguments: damages)
    func `it finds`(_ damage: Damage) async throws {
        try await withDatabase { database in
            try await fill(database)
            #expect(try await SQLiteVerifier(database).verify().findings == [])
            try await database.pool.writeWithoutTransaction { db in try db.execute(sql: damage.sql) }
            let report = try await SQLiteVerifier(database).verify()
            #expect(report.findings.contains { $0.contains(damage.finding) }, "\(report.findings)")
        }
    }

    /// Two participants, four messages, one of them with a marker in the middle.
    private func fill(_ database: SQLiteDatabase) async throws {
        let messages = SQLiteMessageStore(database)
        let conversations = SQLiteConversationStore(database)
        let users = [UserID.random(), UserID.random()]
        let id = ConversationID.random()
        try await conversations.createGroup(id: id, title: nil, creator: users[0], others: [users[1]], at: Sample.start)
        let ids = MessageIDGenerator()
        for number in 0..<4 {
            _ = try await messages.append([
                NewMessage(
                    id: ids.next(at: Sample.start), conversationID: id, senderID: users[number % 2], clientMessageID: "key \(number)",
                    messageType: .text, content: "hello", mediaIDs: [], createdAt: Sample.start.advanced(bySeconds: Double(number)),
                    preview: "hello")
            ])
        }
        _ = try await conversations.advanceRead(of: users[0], in: id, to: 2)
    }
}
