import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// What the server says is public interface, so it is pinned to the letter.
struct SocketTextTests {
    private let conversation = ConversationID("7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60")!
    private let user = UserID("5d2f6f0e-7a31-4c52-9b1e-0c4f8a5d1a01")!

    @Test func `hello tells the limits, and the user once there is one`() {
        let hello = SocketText.hello(session: "3k9", user: nil, limits: GatewayConfiguration(), now: Sample.start)
        #expect(
            text(hello)
                == #"{"type":"hello","session":"3k9","heartbeat_interval_ms":25000,"limits":{"frame_bytes":65536,"outbound_bytes":1048576},"server_time":"2026-01-01T00:00:00.000Z"}"#
        )
        let known = SocketText.hello(session: "3k9", user: user, limits: GatewayConfiguration(), now: Sample.start)
        #expect(text(known).contains(#""user_id":"5d2f6f0e-7a31-4c52-9b1e-0c4f8a5d1a01""#))
    }

    @Test func `a reply repeats the command's number`() {
        #expect(text(SocketText.ok(7)) == #"{"id":7,"type":"ok"}"#)
        #expect(text(SocketText.ok(.min)) == #"{"id":-9223372036854775808,"type":"ok"}"#)
    }

    @Test func `an error says whether and when to try again`() {
        #expect(
            text(SocketText.error(2, .notAParticipant))
                == #"{"id":2,"type":"error","code":"not_a_participant","detail":"user does not have access to this conversation","retryable":false}"#
        )
        #expect(
            text(SocketText.error(3, ParleyError(.rateLimited, #"not "now""#, retryAfterSeconds: 0.0201)))
                == #"{"id":3,"type":"error","code":"rate_limited","detail":"not \"now\"","retryable":true,"retry_after_ms":21}"#)
    }

    @Test func `a message event holds the message's own bytes`() {
        #expect(text(SocketText.message(Array(#"{"id":"x"}"#.utf8))) == #"{"type":"message","message":{"id":"x"}}"#)
    }

    @Test(arguments: [("added", SocketText.ConversationChange.added), ("updated", .updated), ("removed", .removed)])
    func `a conversation event names the change`(name: String, change: SocketText.ConversationChange) {
        #expect(
            text(SocketText.conversation(conversation, change))
                == #"{"type":"conversation","conversation_id":"7f0c1a52-3d5e-4b6f-8a90-1b2c3d4e5f60","change":"\#(name)"}"#)
    }

    @Test func `going away says when to come back`() {
        #expect(text(SocketText.goingAway(reconnectAfterMilliseconds: 1200)) == #"{"type":"going_away","reconnect_after_ms":1200}"#)
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
