import ParleyModel
import ParleyPush
import Testing

@testable import ParleyWebPush

struct WebPushPayloadTests {
    private static func notification(_ text: String?, title: String? = "Ada", count: Int = 1, badge: Int64? = 7) -> PushNotification {
        Sample.notification(.message(Sample.message(title: title, text: text, count: count)), badge: badge)
    }

    private static func object(_ bytes: [UInt8]) throws -> JSONObject {
        guard case .object(let object) = try JSONParser.parse(bytes) else { throw Sample.NoObject() }
        return object
    }

    @Test func `an alert says what a browser shows, and whose conversation it opens`() throws {
        let json = String(decoding: WebPushPayload.json(Self.notification("Hello \"Ben\"", count: 3)), as: UTF8.self)
        #expect(
            json == """
                {"type":"message","message_id":"\(Sample.messageID)","conversation_id":"\(Sample.conversationID)",\
                "sender_id":"\(Sample.senderID)","sequence_number":12,"title":"Ada","body":"Hello \\"Ben\\"","count":3,"badge":7}
                """)
    }

    @Test func `what is not to be told, or not known, is null`() throws {
        let object = try Self.object(WebPushPayload.json(Self.notification(nil, title: nil, badge: nil)))
        for name in ["title", "body", "badge"] { #expect(object[name] == .null, "\(name)") }
    }

    @Test func `a read marker tells how far was read, and zero is told as zero`() {
        let read = PushContent.read(PushRead(conversationID: Sample.conversationID, lastReadSequence: 12))
        let json = String(decoding: WebPushPayload.json(Sample.notification(read, badge: 0)), as: UTF8.self)
        #expect(json == #"{"type":"read","conversation_id":"\#(Sample.conversationID)","last_read_sequence":12,"badge":0}"#)
    }

    static let characters = ["a", "é", "\"", "\\", "\u{1}", "\n", "漢", "😀", "👩‍👩‍👧‍👦", "🇩🇪", "e\u{301}\u{302}\u{303}"]

    @Test(arguments: characters)
    func `a long text is cut between characters, and fills the room that there is`(character: String) throws {
        let text = String(repeating: character, count: 5000)
        for title in [nil, "Ada", text] as [String?] {
            let json = WebPushPayload.json(Self.notification(text, title: title))
            // One more character, written in JSON, would have been too long.
            #expect((3993 - 64...3993).contains(json.count), "\(json.count)")
            let object = try Self.object(json)
            for (name, whole) in [("title", title), ("body", text)] {
                guard let whole, case .string(let kept)? = object[name] else { continue }
                #expect(kept == whole || kept.hasSuffix("…") && kept.dropLast().allSatisfy { $0 == Character(character) }, "\(name)")
                #expect(!kept.isEmpty)
            }
        }
    }

    @Test func `one character that is larger than all the room is left out`() throws {
        let monster = "a" + String(repeating: "\u{301}", count: 5000)
        let json = WebPushPayload.json(Self.notification(monster, title: monster))
        #expect(json.count <= 3993)
        #expect(try Self.object(json)["body"] == .string("…"))
    }

    @Test func `a topic hides ids, and is the same for the same thing only`() throws {
        func topic(_ content: PushContent, _ secret: UInt8 = 1) -> String {
            WebPushTopic.text(content, authSecret: Array(repeating: secret, count: 16))
        }
        let one = PushContent.message(Sample.message())
        let other = PushContent.message(Sample.message(id: MessageID(high: 9, low: 9)))
        let many = PushContent.message(Sample.message(count: 4))
        let more = PushContent.message(Sample.message(id: MessageID(high: 9, low: 9), count: 5))
        let read = PushContent.read(PushRead(conversationID: Sample.conversationID, lastReadSequence: 12))
        #expect(topic(one) == topic(one))
        #expect(topic(many) == topic(more))
        #expect(Set([topic(one), topic(other), topic(many), topic(read), topic(one, 2)]).count == 5)
        for text in [topic(one), topic(many), topic(read)] { #expect(text.count == 32 && Base64URL.decode(text) != nil) }
    }
}
