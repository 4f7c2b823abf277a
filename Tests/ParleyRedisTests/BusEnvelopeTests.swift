import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyRedis

struct BusEnvelopeTests {
    private static let conversation = ConversationID.random()
    private static let user = UserID.random()

    private static let events: [BusEvent] = [
        .conversationCreated(conversation, [user, .random()]),
        .conversationCreated(conversation, []),
        .conversationChanged(conversation, ConversationStamp(version: .max, title: "\"👩‍👩‍👧\\\n", participantCount: 2)),
        .conversationChanged(conversation, ConversationStamp(version: 1, title: nil, participantCount: 0)),
        .muteChanged(conversation, user, MuteState(.off, at: Sample.start)),
        .muteChanged(conversation, user, MuteState(.forever, at: Sample.start)),
        .muteChanged(conversation, user, MuteState(.until(Sample.time(9.123)), at: Sample.start)),
        .notificationLevelChanged(conversation, user, .all),
        .notificationLevelChanged(conversation, user, .none),
        .read(conversation, user, ReadState(lastReadSequence: 4, unreadCount: 2, lastSequence: .max), toOthers: true),
        .read(conversation, user, ReadState(lastReadSequence: 0, unreadCount: 0, lastSequence: 0), toOthers: false),
        .delivered(conversation, user, sequenceNumber: 5),
        .receipts(conversation, ReceiptCounts(sequenceNumber: 9, readCount: 1, deliveredCount: 2, conversationID: conversation)),
        .receipts(conversation, ReceiptCounts(sequenceNumber: 9, readCount: 0, deliveredCount: 0)),
        .typing(conversation, user, isTyping: true),
        .typing(conversation, user, isTyping: false),
        .presence(user, PresenceState(online: true, lastSeenAt: nil)),
        .presence(user, PresenceState(online: false, lastSeenAt: Sample.time(0.001))),
        .tokensRevoked(user, before: Sample.time(1.5)),
    ]

    private static let changes: [BusEvent] = ParticipantChange.Kind.allCases.flatMap { kind in
        (Role.allCases + [nil]).map { role in
            .participantChanged(
                ParticipantChange(conversationID: conversation, userID: user, kind: kind, role: role, participantCount: 3, version: 4),
                lastSequence: 12)
        }
    }

    @Test func `every event comes out as it went in`() throws {
        let origin = RedisNodeID.random()
        for event in Self.events + Self.changes {
            let payload = try #require(BusEnvelope.payload(of: event, from: origin))
            let envelope = try #require(try BusEnvelope(payload))
            #expect("\(envelope.event)" == "\(event)")
            #expect(envelope.origin == origin)
        }
    }

    @Test func `a message goes without an envelope, and its number is found in its JSON`() throws {
        let message = Message(
            id: Sample.messageID(), conversationID: Self.conversation, senderID: Self.user, clientMessageID: #""sequence_number":1"#,
            messageType: .image, content: #"{"sequence_number":2}"#, mediaIDs: [], sequenceNumber: 7, createdAt: Sample.start)
        let json = EnrichedMessage(message: message, media: [Sample.media(owner: Self.user, name: #""sequence_number":3"#)]).json
        #expect(BusEnvelope.payload(of: .message(Self.conversation, sequenceNumber: 7, json: json), from: .random()) == nil)
        #expect(try MessagePayload.sequenceNumber(of: json) == 7)
    }

    @Test(arguments: [
        #"{"format":1,"origin":"00000000-0000-4000-8000-000000000000","kind":"from_the_future","event":{"x":1}}"#,
        #"{"format":2,"origin":7}"#,
    ])
    func `what a newer node says is passed over`(payload: String) throws {
        #expect(try BusEnvelope(Array(payload.utf8)) == nil)
    }

    @Test func `members that are not known are passed over`() throws {
        let payload = #"""
            {"format":1,"new":[1],"origin":"00000000-0000-4000-8000-000000000000","kind":"tokens_revoked",
             "event":{"user_id":"00000000-0000-4000-8000-000000000001","before":"2026-01-01T00:00:00.000Z","why":"theft"}}
            """#
        #expect(try BusEnvelope(Array(payload.utf8)) != nil)
    }

    @Test(arguments: [
        "", "7", "{", "{}", #"{"format":"1"}"#, #"{"format":1,"origin":"x","kind":"typing","event":{}}"#,
        #"{"format":1,"origin":"00000000-0000-4000-8000-000000000000","kind":"typing","event":{}}"#,
        #"{"format":1,"origin":"00000000-0000-4000-8000-000000000000","kind":"typing"}"#, "\u{0}",
    ])
    func `what nobody of ours can have sent is an error`(payload: String) {
        #expect(throws: BusPayloadError.self) { try BusEnvelope(Array(payload.utf8)) }
        #expect(throws: BusPayloadError.self) { try MessagePayload.sequenceNumber(of: Array(payload.utf8)) }
    }

    @Test func `channels have the names of the contract`() throws {
        let id = try #require(ConversationID("AAAAAAAA-0000-4000-8000-00000000000B"))
        #expect(BusChannel.messages(id).name == "conversation:aaaaaaaa-0000-4000-8000-00000000000b")
        for channel in [BusChannel.messages(id), .conversation(id), .everybody] { #expect(BusChannel(channel.name) == channel) }
        for name in ["", "conversation:", "parley:events:", "parley:events:conversation:x"] { #expect(BusChannel(name) == nil) }
    }
}
