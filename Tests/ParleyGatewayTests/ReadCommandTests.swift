import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

private let conversation = ConversationID("7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60")!
private let media = MediaID("11111111-2222-4333-8444-555555555555")!

private func command(_ id: Int64, _ command: SocketCommand) -> ReadCommand { .command(NumberedCommand(id: id, command: command)) }

struct ReadCommandTests {
    static let understood: [(String, ReadCommand)] = [
        (#"{"id":1,"type":"ping"}"#, command(1, .ping)),
        (#" { "type" : "ping" , "id" : -7, "unknown": [1, {"a": null}] } "#, command(-7, .ping)),
        (#"{"id":9223372036854775807,"type":"ping"}"#, command(.max, .ping)),
        (#"{"id":1,"type":"authenticate","token":"a.b.c"}"#, command(1, .authenticate(token: "a.b.c"))),
        (
            #"{"id":2,"type":"send","conversation_id":"7F0C1A52-3D5E-4B6F-8A90-1B2C3D4E5F60","message_type":"text","content":"Grüße"}"#,
            command(2, .send(MessageDraft(conversationID: conversation, messageType: "text", content: "Grüße")))
        ),
        (
            #"{"id":3,"type":"send","message_type":"image","media_ids":["11111111-2222-4333-8444-555555555555"],"client_message_id":"k","content":null}"#,
            command(3, .send(MessageDraft(conversationID: nil, messageType: "image", mediaIDs: [media], clientMessageID: "k")))
        ),
        (#"{"id":4,"type":"send"}"#, command(4, .send(MessageDraft(conversationID: nil, messageType: nil)))),
        (#"{"id":5,"type":"subscribe"}"#, command(5, .subscribe(SubscribeCommand()))),
        (
            #"{"id":5,"type":"subscribe","cursor":"1.42.1767225600000","positions":{"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60":7},"replay_limit":100,"more":true,"conversation_ids":["7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60"]}"#,
            command(
                5,
                .subscribe(
                    SubscribeCommand(
                        request: ResumeRequest(
                            cursor: ResumeCursor(mark: ActivityMark(42), time: Sample.start), positions: [conversation: 7],
                            only: [conversation], replayLimit: 100), isLast: false)))
        ),
        (
            #"{"id":6,"type":"read","conversation_id":"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60","sequence_number":9}"#,
            command(6, .read(conversation, sequenceNumber: 9))
        ),
        (
            #"{"id":6,"type":"delivered","conversation_id":"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60","sequence_number":9}"#,
            command(6, .delivered(conversation, sequenceNumber: 9))
        ),
        (
            #"{"id":7,"type":"typing","conversation_id":"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60"}"#,
            command(7, .typing(conversation, isTyping: true))
        ),
        (
            #"{"id":7,"type":"typing","conversation_id":"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60","is_typing":false}"#,
            command(7, .typing(conversation, isTyping: false))
        ),
        (#"{"id":8,"type":"presence","user_ids":[]}"#, command(8, .presence([]))),
        (#"{"id":9,"type":"activity","active":true}"#, command(9, .activity(isActive: true))),
        (#"{"id":9,"type":"activity","active":false}"#, command(9, .activity(isActive: false))),
    ]

    @Test(arguments: understood)
    func `a command is read`(text: String, expected: ReadCommand) {
        #expect(ReadCommand(text.utf8) == expected)
    }

    private static let known = "type must be authenticate, subscribe, send, read, delivered, typing, presence, activity or ping"

    static let refused: [(String, Int64, ErrorCode, String)] = [
        (#"{"id":1,"type":"unsubscribe"}"#, 1, .unknownCommand, known),
        (#"{"id":1,"type":"Ping"}"#, 1, .unknownCommand, known),
        (#"{"id":1,"type":"subscribe","cursor":"here"}"#, 1, .invalidCursor, "cursor is not one that this server made"),
        (#"{"id":1,"type":"subscribe","cursor":"1.-1.5"}"#, 1, .invalidCursor, "cursor is not one that this server made"),
        (#"{"id":1,"type":"subscribe","positions":{"x":1}}"#, 1, .invalidField, "positions must have UUIDs as names"),
        (#"{"id":1,"type":"subscribe","positions":[]}"#, 1, .invalidField, "positions must be an object, but is an array"),
        (
            #"{"id":1,"type":"subscribe","positions":{"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60":-1}}"#, 1, .invalidField,
            "positions must hold sequence numbers"
        ),
        (#"{"id":1,"type":"subscribe","replay_limit":-1}"#, 1, .invalidField, "replay_limit must not be negative"),
        (#"{"id":1,"type":"subscribe","more":1}"#, 1, .invalidField, "more must be a boolean, but is a number"),
        (#"{"id":1,"type":"read","sequence_number":1}"#, 1, .missingField, "conversation_id is required"),
        (
            #"{"id":1,"type":"delivered","conversation_id":"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60"}"#, 1, .missingField,
            "sequence_number is required"
        ),
        (#"{"id":1,"type":"presence"}"#, 1, .missingField, "user_ids is required"),
        (#"{"id":1,"type":"activity"}"#, 1, .missingField, "active is required"),
        (#"{"id":1,"type":"activity","active":"yes"}"#, 1, .invalidField, "active must be a boolean, but is a string"),
        (#"{"id":2}"#, 2, .missingField, "type is required"),
        (#"{"id":2,"type":null}"#, 2, .missingField, "type is required"),
        (#"{"id":2,"type":5}"#, 2, .invalidField, "type must be a string, but is a number"),
        (#"{"id":3,"type":"authenticate"}"#, 3, .missingField, "token is required"),
        (#"{"id":3,"type":"authenticate","token":{}}"#, 3, .invalidField, "token must be a string, but is an object"),
        (#"{"id":4,"type":"send","conversation_id":"here"}"#, 4, .invalidField, "conversation_id must be a UUID"),
        (#"{"id":4,"type":"send","content":[]}"#, 4, .invalidField, "content must be a string, but is an array"),
        (#"{"id":4,"type":"send","media_ids":["x"]}"#, 4, .invalidField, "media_ids[0] must be a UUID"),
    ]

    @Test(arguments: refused)
    func `what a command gets wrong is refused under its number`(text: String, id: Int64, code: ErrorCode, detail: String) {
        #expect(ReadCommand(text.utf8) == .refused(id: id, ParleyError(code, detail)))
    }

    @Test(arguments: [
        "", "ping", "null", "7", #""ping""#, "[]", #"[{"id":1,"type":"ping"}]"#, "{}", #"{"type":"ping"}"#, #"{"id":null,"type":"ping"}"#,
        #"{"id":"1","type":"ping"}"#, #"{"id":1.5,"type":"ping"}"#, #"{"id":true,"type":"ping"}"#, #"{"id":1,"type":"ping"}x"#,
        #"{"id":1,"id":2,"type":"ping"}"#, #"{"id":1,"type":"ping"#, #"{"id":1,"a":\#(String(repeating: "[", count: 100))"#,
    ])
    func `what has no number to reply to ends the connection`(text: String) {
        #expect(ReadCommand(text.utf8) == .unreadable(.commandError))
    }

    @Test(
        arguments: [
            [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80], Array(#"{"id":1,"type":"pi"#.utf8) + [0xF0, 0x9F, 0x98], [0xF4, 0x90, 0x80, 0x80],
        ] as [[UInt8]])
    func `invalid UTF-8 ends the connection with a code of its own`(bytes: [UInt8]) {
        #expect(ReadCommand(bytes) == .unreadable(.invalidUTF8))
    }

    @Test func `random bytes are read without harm, and only invalid UTF-8 is called so`() async throws {
        try await withSeed { random in
            let whole = Array(Self.understood[4].0.utf8)
            for _ in 0..<20_000 {
                let bytes = random.oneIn(2) ? Self.noise(&random) : Self.damaged(whole, &random)
                let isInvalid = ReadCommand(bytes) == .unreadable(.invalidUTF8)
                try #require(isInvalid == (String(validating: bytes, as: UTF8.self) == nil), "\(bytes)")
            }
        }
    }

    private static func noise(_ random: inout SeededGenerator) -> [UInt8] {
        let count = random.number(0...40)
        let alphabet = Array(#"{}[]":,\ 0123456789-.eEtrufalsnidype"#.utf8) + [0x00, 0x80, 0xC3, 0xA9, 0xF0, 0xFF]
        let plain = random.oneIn(2)
        return (0..<count).map { _ in plain ? random.pick(alphabet) : UInt8(random.number(0...255)) }
    }

    private static func damaged(_ bytes: [UInt8], _ random: inout SeededGenerator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<random.number(1...4) {
            let place = random.number(0...(bytes.count - 1))
            switch random.number(0...2) {
            case 0: bytes[place] = UInt8(random.number(0...255))
            case 1: bytes.insert(bytes[random.number(0...(bytes.count - 1))], at: place)
            default: if bytes.count > 1 { bytes.remove(at: place) }
            }
        }
        return bytes
    }
}
