public import ParleyModel

/// Proves what one conversation says of itself from its messages, which are shown to it one by one in the order of their
/// numbers. It remembers what there is of participants, not of messages.
public struct ConversationProof {
    /// Whether messages above the conversation's last number are no findings: a store that applies metadata after it has
    /// stored messages has some for a moment, and others arrive while one reads.
    private let mayBeAhead: Bool
    public let facts: ConversationFacts
    /// The highest number shown.
    public private(set) var last: Int64 = 0
    public private(set) var count = 0
    /// By participant, those of their messages that lie after their marker.
    private var ownUnread: [UserID: Int64]
    private let markers: [UserID: Int64]

    public init(_ facts: ConversationFacts, mayBeAhead: Bool = false) {
        self.facts = facts
        self.mayBeAhead = mayBeAhead
        markers = Dictionary(facts.participants.map { ($0.userID, $0.lastReadSequence) }) { first, _ in first }
        ownUnread = [:]
    }

    /// The next message.
    public mutating func take(number: Int64, from sender: UserID, _ report: inout VerificationReport) {
        if number == last { add("number \(number) is used twice", &report) }
        if number > last + 1 { add("numbers \(last + 1) to \(number - 1) are missing", &report) }
        last = number
        count += 1
        if number <= facts.lastSequence, let marker = markers[sender], number > marker { ownUnread[sender, default: 0] += 1 }
    }

    /// After the last one.
    /// - Parameter lastMessage: The message with the conversation's last number, if there is one.
    public func finish(lastMessage: Message?, _ report: inout VerificationReport) {
        report.conversations += 1
        report.messages += count
        report.participants += facts.participants.count
        if mayBeAhead ? facts.lastSequence > last : facts.lastSequence != last {
            add("last_sequence is \(facts.lastSequence), but the last message is \(last)", &report)
        }
        if let lastMessage { check(lastMessage, &report) }
        checkParticipants(&report)
        checkCounters(&report)
    }

    /// Messages above what is said to be applied.
    public var ahead: Int64 { max(0, last - facts.lastSequence) }

    private func add(_ finding: String, _ report: inout VerificationReport) {
        report.add("conversation \(facts.id): \(finding)")
    }

    private func check(_ message: Message, _ report: inout VerificationReport) {
        let number = message.sequenceNumber
        let preview = MessagePreview.preview(of: message.messageType, content: message.content, mediaCount: message.mediaIDs.count)
        let stated = facts.lastMessage
        if stated?.id != message.id { add("last_message_id is not that of message \(number)", &report) }
        if stated?.at != message.createdAt { add("last_message_at is not that of message \(number)", &report) }
        // PostgreSQL keeps U+0000 as the replacement character.
        if stated?.preview != preview, stated?.preview != String(preview.map { $0 == "\0" ? "\u{FFFD}" : $0 }) {
            add("last_message_preview is not that of message \(number)", &report)
        }
    }

    private func checkParticipants(_ report: inout VerificationReport) {
        for participant in facts.participants {
            let (user, marker) = (participant.userID, participant.lastReadSequence)
            if marker > facts.lastSequence { add("user \(user) has read to \(marker), past the last message", &report) }
            let stated = participant.unreadCount(lastSequence: facts.lastSequence)
            let counted = unread(of: user, after: marker)
            if stated != counted { add("unread_count of user \(user) is \(stated), but \(counted) are unread", &report) }
        }
        let count = facts.participants.count
        if count != facts.participantCount { add("participant_count is \(facts.participantCount), but there are \(count)", &report) }
    }

    private func checkCounters(_ report: inout VerificationReport) {
        // Of a user who is no participant any more a counter says nothing.
        for counter in facts.counters {
            guard let marker = markers[counter.userID] else { continue }
            let counted = unread(of: counter.userID, after: marker)
            if counter.unreadCount != counted { add("\(counter.name) is \(counter.unreadCount), but \(counted) are unread", &report) }
        }
        switch facts.numberGivenOut {
        case nil: break
        case .missing: add("conversation_sequences has no row of it", &report)
        case .number(facts.lastSequence): break
        case .number(let number):
            add("conversation_sequences says \(number), but the last number is \(facts.lastSequence)", &report)
        }
    }

    /// Messages after the marker that others sent.
    private func unread(of user: UserID, after marker: Int64) -> Int64 {
        max(0, facts.lastSequence - marker) - (ownUnread[user] ?? 0)
    }
}
