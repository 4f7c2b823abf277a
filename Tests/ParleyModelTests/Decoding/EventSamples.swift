import ParleyModel

/// At least one event of each case, with each shape that its members can take.
enum EventSamples {
    static let start = Timestamp("2026-01-01T00:00:00Z")!
    static let ann = UserID("0a000000-0000-4000-8000-000000000001")!
    static let ben = UserID("0a000000-0000-4000-8000-000000000002")!
    static let home = ConversationID("c0000000-0000-4000-8000-000000000001")!

    static let photo = Media(
        id: MediaID("d0000000-0000-4000-8000-000000000001")!, ownerID: ann, kind: .image, name: #"Katze "Mia".jpg"#, size: 204_800,
        contentType: "image/jpeg", url: "https://media.example/cat.jpg?a=1&b=2", width: 640, height: 480, durationMilliseconds: nil,
        createdAt: start)

    static let text = EnrichedMessage(
        message: Message(
            id: MessageID("507f1f77bcf86cd799439011")!, conversationID: home, senderID: ann, clientMessageID: "client-1",
            messageType: .text, content: "Hello 👩‍👩‍👧\n\"quoted\" \\ </script>", mediaIDs: [], sequenceNumber: 1, createdAt: start),
        media: [])

    static let image = EnrichedMessage(
        message: Message(
            id: MessageID("507f1f77bcf86cd799439012")!, conversationID: home, senderID: ben, clientMessageID: nil,
            messageType: MessageType(rawValue: "x-poll")!, content: "", mediaIDs: [photo.id], sequenceNumber: 2, createdAt: start),
        media: [photo])

    static let direct = ConversationView(
        conversation: Conversation(
            id: home, type: .direct, title: nil, createdBy: ann, createdAt: start, directUserIDs: [ann, ben], participantCount: 2,
            lastMessage: LastMessage(id: image.message.id, at: start, preview: "📷 Photo"), lastSequence: 2, version: 3),
        role: .member, mute: .forever, notificationLevel: .mentions,
        readState: ReadState(lastReadSequence: 1, unreadCount: 1, lastSequence: 2))

    static let group = ConversationView(
        conversation: Conversation(
            id: home, type: .group, title: #"Team "Süd""#, createdBy: ann, createdAt: start, directUserIDs: [],
            participantCount: 100_000, lastMessage: nil, lastSequence: 0, version: 0),
        role: .owner, mute: .until(Timestamp("2026-01-01T01:00:00Z")!),
        readState: ReadState(lastReadSequence: 0, unreadCount: 0, lastSequence: 0))

    static let limits = Hello.Limits(
        frameBytes: 65_536, outboundBytes: 262_144, commandsPerSecond: 50, positions: 1000, subscriptions: 10_000, presenceUsers: 500,
        socketsPerUser: 50, receiptsParticipants: 100, typingIntervalMilliseconds: 3000)

    static let all: [Event] = connection + conversations + markers

    private static let connection: [Event] = [
        .hello(Hello(session: "s", userID: nil, heartbeatIntervalMilliseconds: 25_000, limits: limits, serverTime: start)),
        .hello(Hello(session: "s", userID: ann, heartbeatIntervalMilliseconds: 25_000, limits: limits, serverTime: start)),
        .behind(home, sequenceNumber: 70), .skipped(home, after: 3, through: 900), .caughtUp(cursor: "b64-_"),
        .heartbeat(Heartbeat(serverTime: start, cursor: nil, sequences: [:])),
        .heartbeat(Heartbeat(serverTime: start, cursor: "c", sequences: [home: 7])),
        .goingAway(reconnectAfterMilliseconds: 2500), .closing(code: 4001, reason: "not even position hints were read"),
    ]

    private static let conversations: [Event] = [
        .message(text), .message(image), .conversation(.added(direct, at: start)), .conversation(.refreshed(group, at: start)),
        .conversation(.updated(home, ConversationStamp(version: 4, title: nil, participantCount: 3))),
        .conversation(.updated(home, ConversationStamp(version: 5, title: "T", participantCount: 3))), .conversation(.removed(home)),
        .participant(
            ParticipantChange(conversationID: home, userID: ben, kind: .joined, role: .readOnly, participantCount: 3, version: 4)),
        .participant(ParticipantChange(conversationID: home, userID: ben, kind: .left, role: nil, participantCount: 2, version: 5)),
        .mute(home, MuteState(.forever, at: start)), .mute(home, MuteState(.off, at: start)), .notificationLevel(home, .mentions),
    ]

    private static let markers: [Event] = [
        .read(ReadMarker(conversationID: home, userID: ben, sequenceNumber: 7)),
        .read(
            ReadMarker(
                conversationID: home, userID: ann, sequenceNumber: 7, own: .init(unreadCount: 2, lastSequence: 9))),
        .delivered(DeliveredMarker(conversationID: home, userID: ben, sequenceNumber: 7)),
        .receipts(ReceiptCounts(sequenceNumber: 9, readCount: 300, deliveredCount: 400, conversationID: home)),
        .typing(home, ben, isTyping: true), .presence(ben, PresenceState(online: false, lastSeenAt: start)),
        .presence(ben, PresenceState(online: true, lastSeenAt: nil)),
    ]
}
