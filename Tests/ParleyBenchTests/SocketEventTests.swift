import NIOCore
import ParleyModel
import Testing

@testable import ParleyBench

struct SocketEventTests {
    private static let message = Message(
        id: MessageID(high: 1, low: 2), conversationID: .random(), senderID: .random(), clientMessageID: nil, messageType: .text,
        content: "\"sequence_number\":7", mediaIDs: [], sequenceNumber: 1_234_567, createdAt: Timestamp(milliseconds: 0))

    private static func event(_ message: Message) -> ByteBuffer {
        ByteBuffer(bytes: Event.message(EnrichedMessage(message: message, media: [])).json)
    }

    @Test func `a message is known by its number, whatever its content`() {
        #expect(SocketEvent(Self.event(Self.message)) == .message(1_234_567))
    }

    @Test func `the events of the server are told apart`() {
        let conversation = ConversationID.random()
        #expect(SocketEvent(ByteBuffer(bytes: Event.caughtUp(cursor: "abc.1").json)) == .caughtUp(cursor: "abc.1"))
        #expect(SocketEvent(ByteBuffer(bytes: Event.behind(conversation, sequenceNumber: 3).json)) == .behind)
        #expect(SocketEvent(ByteBuffer(bytes: Event.goingAway(reconnectAfterMilliseconds: 3).json)) == .other)
    }

    @Test(arguments: [
        ("{\"id\":12,\"type\":\"ok\",\"user_id\":null}", SocketEvent.accepted(id: 12)),
        ("{\"id\":12,\"type\":\"ok\"}", .accepted(id: 12)),
        (
            "{\"id\":3,\"type\":\"error\",\"code\":\"rate_limited\"}",
            .refused("{\"id\":3,\"type\":\"error\",\"code\":\"rate_limited\"}")
        ),
        ("{\"id\":x}", .other), ("", .other), ("{", .other), ("{\"type\":\"message\"}", .other), ("{\"type\":\"mess", .other),
    ])
    func `replies are told from events`(text: String, event: SocketEvent) {
        #expect(SocketEvent(ByteBuffer(string: text)) == event)
    }

    @Test(arguments: [1, 9, 10, 99_999, 1_234_567] as [Int64])
    func `a message is written again with another number, and nothing else changes`(number: Int64) throws {
        let frame = try #require(MessageFrame(Self.event(Self.message)))
        var bytes = ByteBuffer()
        frame.write(number: number, into: &bytes)
        var reader = FrameReader()
        reader.append(bytes)
        let written = try #require(try reader.next())
        let expected = Message(
            id: Self.message.id, conversationID: Self.message.conversationID, senderID: Self.message.senderID, clientMessageID: nil,
            messageType: .text, content: Self.message.content, mediaIDs: [], sequenceNumber: number, createdAt: Self.message.createdAt)
        #expect(written.payload == Self.event(expected))
    }

    @Test func `only a message can be written again`() {
        #expect(MessageFrame(ByteBuffer(string: "{\"type\":\"hello\"}")) == nil)
    }
}
