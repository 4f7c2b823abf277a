import Foundation
import GRDB
public import ParleyCore
import ParleyModel

/// Reads a whole store and proves P2 to P4 from the messages alone: numbers gapless and unique, keys unique, last
/// message and every unread count recomputed. All from one snapshot; a server may run beside it.
public struct SQLiteVerifier: Sendable {
    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    public func verify() async throws(StoreError) -> VerificationReport {
        try await database.read { db in
            var report = VerificationReport()
            for problem in try String.fetchAll(db, sql: "PRAGMA integrity_check(20)") where problem != "ok" {
                report.add("the file is damaged: \(problem)")
            }
            try Self.checkOrphans(db, &report)
            let conversations = try Row.fetchCursor(
                db,
                sql: """
                    SELECT ref, id, last_sequence, last_message_id, last_message_at, last_message_preview, activity, participant_count
                    FROM conversations ORDER BY ref
                    """)
            while let row = try conversations.next() { try Self.check(row, db, &report) }
            return report
        }
    }

    private static func checkOrphans(_ db: Database, _ report: inout VerificationReport) throws {
        let orphans =
            try Int.fetchOne(
                db, sql: "SELECT count(*) FROM messages WHERE conversation_ref NOT IN (SELECT ref FROM conversations)") ?? 0
        if orphans > 0 { report.add("\(orphans) messages belong to no conversation") }
        let keys =
            try Int.fetchOne(
                db,
                sql: """
                    SELECT count(*) FROM (
                        SELECT 1 FROM messages NOT INDEXED WHERE client_message_id IS NOT NULL
                        GROUP BY conversation_ref, sender_id, client_message_id HAVING count(*) > 1
                    )
                    """) ?? 0
        if keys > 0 { report.add("\(keys) client_message_ids have more than one message") }
        let checkpoint = try Int64.fetchOne(db, sql: "SELECT position FROM effect_checkpoint") ?? 0
        let last = try Int64.fetchOne(db, sql: "SELECT ifnull(max(position), 0) FROM messages") ?? 0
        if checkpoint > last { report.add("effects are marked done up to \(checkpoint), but the last message is at \(last)") }
    }

    private static func check(_ conversation: Row, _ db: Database, _ report: inout VerificationReport) throws {
        let ref: Int64 = conversation[0]
        let id = try conversation.id(at: 1, as: ConversationID.self)
        var proof = ConversationProof(
            ConversationFacts(
                id: id, lastSequence: conversation[2], lastMessage: try lastMessage(conversation), participantCount: conversation[7],
                participants: try participants(ref, db)))
        let lastPosition = try walk(ref, &proof, db, &report)
        let last = try Row.fetchOne(
            db, sql: "SELECT \(SQLiteMessageStore.columns) FROM messages WHERE position = ?", arguments: [lastPosition])
        proof.finish(lastMessage: try last.map { try SQLiteMessageStore.message($0, in: id) }, &report)
        if proof.last > 0, conversation[6] as Int64 != lastPosition {
            report.add("conversation \(id): activity is not that of message \(proof.last)")
        }
    }

    /// The columns from `last_message_id` on, whatever is in them.
    private static func lastMessage(_ conversation: Row) throws -> LastMessage? {
        guard (conversation[3] as Data?) != nil else { return nil }
        return LastMessage(
            id: try conversation.messageID(at: 3), at: Timestamp(milliseconds: conversation[4] ?? 0), preview: conversation[5] ?? "")
    }

    private static func participants(_ ref: Int64, _ db: Database) throws -> [ParticipantFacts] {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT user_id, last_read_sequence, own_sent, own_read FROM participants WHERE conversation_ref = ?", arguments: [ref]
        )
        var participants: [ParticipantFacts] = []
        while let row = try rows.next() {
            participants.append(
                ParticipantFacts(userID: try row.id(at: 0), lastReadSequence: row[1], ownSent: row[2], ownRead: row[3]))
        }
        return participants
    }

    /// Shows a conversation's messages, by the table's own rows in the order of their numbers. Tells the last one's position.
    private static func walk(
        _ ref: Int64, _ proof: inout ConversationProof, _ db: Database, _ report: inout VerificationReport
    ) throws -> Int64 {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT position, sequence_number, sender_id FROM messages WHERE conversation_ref = ? ORDER BY sequence_number, position
                """, arguments: [ref])
        var lastPosition: Int64 = 0
        while let row = try rows.next() {
            let position: Int64 = row[0]
            let number: Int64 = row[1]
            if position < lastPosition {
                report.add("conversation \(proof.facts.id): message \(number) was stored before message \(proof.last)")
            }
            lastPosition = position
            proof.take(number: number, from: try row.id(at: 2), &report)
        }
        return lastPosition
    }
}
