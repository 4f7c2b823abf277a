import ParleyModel

let me = UserID("0a000000-0000-4000-8000-000000000001")!
let ben = UserID("0a000000-0000-4000-8000-000000000002")!
let eve = UserID("0a000000-0000-4000-8000-000000000003")!
let home = ConversationID("c0000000-0000-4000-8000-000000000001")!
let work = ConversationID("c0000000-0000-4000-8000-000000000002")!
let start = Timestamp("2026-01-01T00:00:00Z")!

func message(_ number: Int64, from sender: UserID = ben, in conversation: ConversationID = home) -> EnrichedMessage {
    EnrichedMessage(
        message: Message(
            id: MessageID(high: conversation.low, low: UInt32(number)), conversationID: conversation, senderID: sender,
            clientMessageID: nil, messageType: .text, content: "text \(number)", mediaIDs: [], sequenceNumber: number,
            createdAt: Timestamp(milliseconds: start.milliseconds + number)),
        media: [])
}

/// A group's view with `last` messages, of which the last one is `message(last)`.
func view(
    _ id: ConversationID = home, last: Int64 = 0, read: Int64 = 0, unread: Int64? = nil, version: Int64 = 1, title: String? = "Home",
    count: Int64 = 3, role: Role = .member, mute: Mute = .off, level: NotificationLevel = .all, lastSender: UserID = ben
) -> ConversationView {
    let newest = message(max(last, 1), from: lastSender, in: id).message
    return ConversationView(
        conversation: Conversation(
            id: id, type: .group, title: title, createdBy: ben, createdAt: start, directUserIDs: [], participantCount: count,
            lastMessage: last > 0 ? LastMessage(id: newest.id, at: newest.createdAt, preview: newest.content) : nil,
            lastSequence: last, version: version),
        role: role, mute: mute, notificationLevel: level,
        readState: ReadState(lastReadSequence: read, unreadCount: unread ?? last - read, lastSequence: last))
}

/// The user's own marker moved, counted through `last`.
func ownRead(_ number: Int64, unread: Int64, last: Int64) -> Event {
    .read(
        ReadMarker(
            conversationID: home, userID: me, sequenceNumber: number, own: .init(unreadCount: unread, lastSequence: last)))
}

func participantEvent(
    _ kind: ParticipantChange.Kind, _ user: UserID, _ role: Role?, count: Int64, version: Int64
) -> Event {
    .participant(
        ParticipantChange(conversationID: home, userID: user, kind: kind, role: role, participantCount: count, version: version))
}

func participant(_ user: UserID, _ role: Role = .member, read: Int64 = 0, delivered: Int64 = 0) -> Participant {
    Participant(userID: user, role: role, joinedAt: start, lastReadSequence: read, lastDeliveredSequence: delivered)
}
