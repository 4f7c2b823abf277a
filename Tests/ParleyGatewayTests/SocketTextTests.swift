import NIOCore
import ParleyCore
import ParleyModel
import Testing

@testable import ParleyGateway

/// What the server says is public interface, so it is pinned to the letter. Events are pinned in ParleyModelTests.
struct SocketTextTests {
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
        let event = OutboundEvent(message: Array(#"{"id":"x"}"#.utf8), 1, in: .random())
        #expect(String(buffer: event.json) == #"{"type":"message","message":{"id":"x"}}"#)
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
}
