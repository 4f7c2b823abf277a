import Foundation
import GRDB
public import ParleyCore
import ParleyModel

/// A conversation's place in the order in which they were made.
public struct ConversationRef: Sendable, Comparable {
    public static let start = ConversationRef(value: 0)
    let value: Int64

    public static func < (left: Self, right: Self) -> Bool { left.value < right.value }
}

/// Conversations as they stood at one moment.
public struct ConversationPage: Sendable {
    public let records: [CopiedConversation]
    public let last: ConversationRef
    /// The newest message at that moment: what the records say of messages is of those up to here.
    public let newest: LogPosition
}

extension SQLiteCopySource {
    /// The next conversations in the order in which they were made, as they were before their first message and without
    /// participants. Empty when there are none.
    public func newConversations(after ref: ConversationRef) async throws(StoreError) -> ConversationPage {
        try await database.read { db in
            let rows = try Row.fetchAll(
                db.cachedStatement(sql: "SELECT \(Self.columns) FROM conversations WHERE ref > ? ORDER BY ref LIMIT ?"),
                arguments: [ref.value, sizes.conversations])
            let records = try rows.map { row in
                CopiedConversation(
                    conversation: try Self.conversation(row, isNew: true), changedAt: row.timestamp(at: 12), activity: row[14],
                    createdActivity: row[14], past: [], participants: [])
            }
            return ConversationPage(records: records, last: ConversationRef(value: rows.last?[15] ?? ref.value), newest: .start)
        }
    }

    /// The next conversations with their participants. Empty when there are none.
    public func conversations(after ref: ConversationRef) async throws(StoreError) -> ConversationPage {
        try await database.read { db in
            let rows = try Row.fetchCursor(
                db.cachedStatement(sql: "SELECT \(Self.columns) FROM conversations WHERE ref > ? ORDER BY ref LIMIT ?"),
                arguments: [ref.value, sizes.conversations])
            var records: [CopiedConversation] = []
            var (last, participants) = (ref.value, 0)
            while let row = try rows.next() {
                let count: Int = row[7]
                if !records.isEmpty, participants + count > sizes.participants { break }
                records.append(try Self.record(row, db))
                last = row[15]
                participants += count
            }
            let newest = try Int64.fetchOne(db, sql: "SELECT max(position) FROM messages") ?? 0
            return ConversationPage(records: records, last: ConversationRef(value: last), newest: LogPosition(newest))
        }
    }

    private static let columns = """
        id, type, title, created_by, created_at, user1_id, user2_id, participant_count, last_sequence, last_message_id, last_message_at, \
        last_message_preview, changed_at, activity, created_position, ref, version
        """

    private static func record(_ row: Row, _ db: Database) throws -> CopiedConversation {
        let conversation = try conversation(row, isNew: false)
        let ref: Int64 = row[15]
        return CopiedConversation(
            conversation: conversation, changedAt: row.timestamp(at: 12), activity: row[13], createdActivity: row[14],
            past: try past(ref, last: conversation.lastSequence, created: row[14], db), participants: try participants(ref, db))
    }

    /// - Parameter isNew: As it was before its first message, and without participants.
    private static func conversation(_ row: Row, isNew: Bool) throws -> Conversation {
        guard let type = ConversationType(rawValue: row[1]) else { throw DamagedRow(column: "type") }
        let hasLast = !isNew && (row[8] as Int64) > 0
        return Conversation(
            id: try row.id(at: 0), type: type, title: row[2], createdBy: try row.id(at: 3), createdAt: row.timestamp(at: 4),
            directUserIDs: type == .direct ? [try row.id(at: 5), try row.id(at: 6)] : [], participantCount: isNew ? 0 : row[7],
            lastMessage: hasLast
                ? LastMessage(id: try row.messageID(at: 9), at: row.timestamp(at: 10), preview: row[11] ?? "") : nil,
            lastSequence: isNew ? 0 : row[8], version: row[16])
    }

    /// Where it stood a message ago, two, four, eight, …: a client that comes back with a cursor of this folder is shown at most
    /// about twice what it missed, and not everything.
    private static func past(_ ref: Int64, last: Int64, created: Int64, _ db: Database) throws -> [PastActivity] {
        guard last > 0 else { return [] }
        let position = try db.cachedStatement(sql: "SELECT position FROM messages WHERE conversation_ref = ? AND sequence_number = ?")
        var past: [PastActivity] = []
        var back: Int64 = 1
        while back < last, past.count < 15 {
            if let activity = try Int64.fetchOne(position, arguments: [ref, last - back]) {
                past.append(PastActivity(activity: activity, sequenceNumber: last - back))
            }
            back *= 2
        }
        return [PastActivity(activity: created, sequenceNumber: 0)] + past.reversed()
    }

    private static func participants(_ ref: Int64, _ db: Database) throws -> [CopiedParticipant] {
        let statement = try db.cachedStatement(
            sql: """
                SELECT user_id, role, joined_at, last_read_sequence, last_delivered_sequence, muted, muted_until, own_sent, own_read, changed_at,
                    notification_level
                FROM participants WHERE conversation_ref = ? ORDER BY user_id
                """)
        var participants: [CopiedParticipant] = []
        let rows = try Row.fetchCursor(statement, arguments: [ref])
        while let row = try rows.next() {
            guard let role = Role(rawValue: row[1]) else { throw DamagedRow(column: "role") }
            participants.append(
                CopiedParticipant(
                    participant: Participant(
                        userID: try row.id(at: 0), role: role, joinedAt: row.timestamp(at: 2), lastReadSequence: row[3],
                        lastDeliveredSequence: row[4]),
                    mute: ConversationRow.mute(row, at: 5), notificationLevel: try ConversationRow.level(row, at: 10), ownSent: row[7],
                    ownRead: row[8], changedAt: row.timestamp(at: 9)))
        }
        return participants
    }
}
