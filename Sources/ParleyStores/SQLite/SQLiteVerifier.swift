import Foundation
import GRDB
public import ParleyCore
import ParleyModel

/// Reads a whole store and proves P2 to P4 from the messages alone: numbers gapless and unique, keys unique, last
/// message and every unread count recomputed. All from one snapshot; a server may run beside it.
public struct SQLiteVerifier: Sendable {
    public struct Report: Sendable {
        public internal(set) var conversations = 0
        public internal(set) var messages = 0
        public internal(set) var participants = 0
        /// A sentence for each thing that is wrong; at most ``SQLiteVerifier/maxFindings``.
        public internal(set) var findings: [String] = []
        /// All that is wrong, shown or not.
        public internal(set) var findingCount = 0

        mutating func add(_ finding: String) {
            findingCount += 1
            if findings.count < SQLiteVerifier.maxFindings { findings.append(finding) }
        }
    }

    public static let maxFindings = 100

    private let database: SQLiteDatabase

    public init(_ database: SQLiteDatabase) {
        self.database = database
    }

    public func verify() async throws(StoreError) -> Report {
        try await database.read { db in
            var report = Report()
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
            while let row = try conversations.next() {
                report.conversations += 1
                try Self.check(row, db, &report)
            }
            return report
        }
    }

    private static func checkOrphans(_ db: Database, _ report: inout Report) throws {
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

    private static func check(_ conversation: Row, _ db: Database, _ report: inout Report) throws {
        let ref: Int64 = conversation[0]
        let id = try conversation.id(at: 1, as: ConversationID.self)
        let sequence = try MessageWalk(ref: ref, db)
        report.messages += sequence.count
        for finding in sequence.findings { report.add("conversation \(id): \(finding)") }
        let stated: Int64 = conversation[2]
        if stated != sequence.last {
            report.add("conversation \(id): last_sequence is \(stated), but the last message is \(sequence.last)")
        }
        if let last = sequence.lastMessage {
            let preview = MessagePreview.preview(of: last.messageType, content: last.content, mediaCount: last.mediaIDs.count)
            if conversation[3] as Data? != last.id.blob {
                report.add("conversation \(id): last_message_id is not that of message \(last.sequenceNumber)")
            }
            if conversation[4] as Int64? != last.createdAt.milliseconds {
                report.add("conversation \(id): last_message_at is not that of message \(last.sequenceNumber)")
            }
            if conversation[5] as String? != preview {
                report.add("conversation \(id): last_message_preview is not that of message \(last.sequenceNumber)")
            }
            if conversation[6] as Int64 != sequence.lastPosition {
                report.add("conversation \(id): activity is not that of message \(last.sequenceNumber)")
            }
        }
        try checkParticipants(ref, id, conversation[7], sequence, db, &report)
    }

    private static func checkParticipants(
        _ ref: Int64, _ id: ConversationID, _ statedCount: Int, _ sequence: MessageWalk, _ db: Database, _ report: inout Report
    ) throws {
        let rows = try Row.fetchCursor(
            db, sql: "SELECT user_id, last_read_sequence, own_sent, own_read FROM participants WHERE conversation_ref = ?", arguments: [ref]
        )
        var count = 0
        while let row = try rows.next() {
            count += 1
            let user = try row.id(at: 0, as: UserID.self)
            let marker: Int64 = row[1]
            if marker > sequence.last { report.add("conversation \(id): user \(user) has read to \(marker), past the last message") }
            let stated = ConversationRow.readState(lastSequence: sequence.last, lastRead: marker, ownSent: row[2], ownRead: row[3])
                .unreadCount
            let counted = sequence.unread(of: user, after: marker)
            if stated != counted { report.add("conversation \(id): unread_count of user \(user) is \(stated), but \(counted) are unread") }
        }
        report.participants += count
        if count != statedCount { report.add("conversation \(id): participant_count is \(statedCount), but there are \(count)") }
    }
}

/// One conversation's messages, walked by the table's own rows in the order of their numbers.
private struct MessageWalk {
    private(set) var count = 0
    private(set) var last: Int64 = 0
    private(set) var lastPosition: Int64 = 0
    private(set) var lastMessage: Message?
    private(set) var findings: [String] = []
    /// The numbers of each sender's messages, ascending.
    private var numbers: [UserID: [Int64]] = [:]

    init(ref: Int64, _ db: Database) throws {
        let rows = try Row.fetchCursor(
            db,
            sql: """
                SELECT position, sequence_number, sender_id FROM messages WHERE conversation_ref = ? ORDER BY sequence_number, position
                """, arguments: [ref])
        while let row = try rows.next() {
            let position: Int64 = row[0]
            let number: Int64 = row[1]
            if number == last { findings.append("number \(number) is used twice") }
            if number > last + 1 { findings.append("numbers \(last + 1) to \(number - 1) are missing") }
            if position < lastPosition { findings.append("message \(number) was stored before message \(last)") }
            last = number
            lastPosition = position
            count += 1
            numbers[try row.id(at: 2), default: []].append(number)
        }
        if count > 0,
            let row = try Row.fetchOne(
                db, sql: "SELECT \(SQLiteMessageStore.columns) FROM messages WHERE position = ?", arguments: [lastPosition])
        {
            lastMessage = try SQLiteMessageStore.message(row, in: ConversationID(high: 0, low: 0))
        }
    }

    /// Messages after the marker that others sent.
    func unread(of user: UserID, after marker: Int64) -> Int64 {
        let own = numbers[user].map { numbers in numbers.count - Self.firstIndex(in: numbers, above: marker) } ?? 0
        return Int64(count(after: marker) - own)
    }

    private func count(after marker: Int64) -> Int { Int(max(0, last - marker)) }

    private static func firstIndex(in numbers: [Int64], above marker: Int64) -> Int {
        var low = 0
        var high = numbers.count
        while low < high {
            let middle = (low + high) / 2
            if numbers[middle] <= marker { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
