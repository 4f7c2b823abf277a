import Foundation
import ParleyModel
import Testing

/// Pins the JSON of every public body to a file, byte for byte: these texts are what other people's programs read.
struct JSONFixtureTests {
    @Test(arguments: Body.all)
    func `a body's JSON is the fixture's text`(body: Body) throws {
        let fixture = try String(contentsOf: Self.folder.appending(path: "\(body.fixture).json"), encoding: .utf8)
        #expect(String(decoding: body.json, as: UTF8.self) + "\n" == fixture)
        #expect(throws: Never.self) { try JSONParser.parse(body.json) }
    }

    @Test func `every fixture belongs to a body`() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path(percentEncoded: false))
        #expect(Set(files) == Set(Body.all.map { "\($0.fixture).json" }))
    }

    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Fixtures")
}

struct Body: Sendable, CustomTestStringConvertible {
    let fixture: String
    let json: [UInt8]

    var testDescription: String { fixture }

    init(_ fixture: String, _ value: some JSONEncodable) {
        self.fixture = fixture
        json = value.json
    }

    init(_ fixture: String, _ view: ConversationView) {
        self.fixture = fixture
        var writer = JSONWriter()
        view.write(to: &writer, at: start)
        json = writer.bytes
    }

    static let all = messages + conversations + others

    private static let messages = [
        Body("message_text", text), Body("message_with_media", image),
        Body("message_page", MessagePage(messages: [text, image], hasMore: true, lastSequence: 7)),
        Body("message_page_empty", MessagePage(messages: [], hasMore: false, lastSequence: 0)),
        Body("media_image", photo), Body("media_video", video),
    ]

    private static let conversations = [
        Body("conversation_direct", direct), Body("conversation_group", group),
        Body("mute_off", MuteState(.until(start), at: start)), Body("mute_forever", MuteState(.forever, at: start)),
        Body("mute_until", MuteState(.until(inAnHour), at: start)),
        Body("participant", Participant(userID: ann, role: .readOnly, joinedAt: start, lastReadSequence: 41, lastDeliveredSequence: 43)),
        Body("read_state", ReadState(lastReadSequence: 41, unreadCount: 3, lastSequence: 50)),
    ]

    private static let others = [
        Body("presence_online", PresenceState(online: true, lastSeenAt: nil)),
        Body("presence_offline", PresenceState(online: false, lastSeenAt: Timestamp("2026-01-31T09:30:00Z"))),
        Body("notification_level", NotificationLevel.mentions), Body("notification_settings_unsaid", NotificationSettings.unsaid),
        Body(
            "notification_settings",
            NotificationSettings(
                displayName: #"Ann "Süd""#, timeZone: "Europe/Berlin", quietHours: QuietHours(from: 1325, to: 420), privacy: .ids)),
        Body("device_apns", device(.apns(token: "a1b2"), name: "Ann's phone")),
        Body("device_fcm", device(.fcm(token: "fcm:token"), name: nil)),
        Body(
            "device_webpush",
            device(
                .webPush(WebPushSubscription(endpoint: "https://push.example/1", p256dh: "BNcRdreALRFX", auth: "tBHItJI5svbp")),
                name: nil)),
    ]
}

private let start = Timestamp("2026-01-01T00:00:00Z")!
private let inAnHour = Timestamp("2026-01-01T01:00:00Z")!
private let ann = UserID("0a000000-0000-4000-8000-000000000001")!
private let ben = UserID("0a000000-0000-4000-8000-000000000002")!
private let conversationID = ConversationID("c0000000-0000-4000-8000-000000000001")!

private let photo = Media(
    id: MediaID("d0000000-0000-4000-8000-000000000001")!, ownerID: ann, kind: .image, name: #"Katze "Mia".jpg"#, size: 204_800,
    contentType: "image/jpeg", url: "https://media.example/cat.jpg?a=1&b=2", width: 640, height: 480, durationMilliseconds: nil,
    createdAt: start)

private let video = Media(
    id: MediaID("d0000000-0000-4000-8000-000000000002")!, ownerID: ann, kind: .video, name: "film.mp4", size: 9_007_199_254_740_993,
    contentType: "video/mp4", url: "https://media.example/film.mp4", width: nil, height: nil, durationMilliseconds: 61_500,
    createdAt: start)

private let text = EnrichedMessage(
    message: Message(
        id: MessageID("507f1f77bcf86cd799439011")!, conversationID: conversationID, senderID: ann, clientMessageID: "client-1",
        messageType: .text, content: "Hello 👩‍👩‍👧\n\"quoted\" \\ </script>", mediaIDs: [], sequenceNumber: 1,
        createdAt: Timestamp("2026-01-31T09:30:00.123Z")!),
    media: [])

private let image = EnrichedMessage(
    message: Message(
        id: MessageID("507f1f77bcf86cd799439012")!, conversationID: conversationID, senderID: ben, clientMessageID: nil,
        messageType: .image, content: "", mediaIDs: [photo.id, video.id], sequenceNumber: 2,
        createdAt: Timestamp("2026-01-31T09:30:01Z")!),
    media: [photo, video])

private let direct = ConversationView(
    conversation: Conversation(
        id: conversationID, type: .direct, title: nil, createdBy: ann, createdAt: start, directUserIDs: [ann, ben],
        participantCount: 2,
        lastMessage: LastMessage(id: image.message.id, at: image.message.createdAt, preview: "📷 2 photos"), lastSequence: 2, version: 3),
    role: .member, mute: .off, readState: ReadState(lastReadSequence: 1, unreadCount: 1, lastSequence: 2))

private let group = ConversationView(
    conversation: Conversation(
        id: conversationID, type: .group, title: #"Team "Süd""#, createdBy: ann, createdAt: start, directUserIDs: [],
        participantCount: 100_000, lastMessage: nil, lastSequence: 0, version: 0),
    role: .owner, mute: .until(inAnHour), readState: ReadState(lastReadSequence: 0, unreadCount: 0, lastSequence: 0))

private func device(_ address: PushAddress, name: String?) -> Device {
    Device(id: DeviceID("e0000000-0000-4000-8000-000000000001")!, userID: ann, address: address, name: name, createdAt: start)
}
