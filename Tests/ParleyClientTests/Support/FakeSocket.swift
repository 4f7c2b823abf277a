import NIOCore
import NIOWebSocket
import ParleyModel

@testable import ParleyClient

/// The server's end of one connection.
struct FakeSocket: Sendable {
    let channel: any Channel
    let texts: AsyncStream<[UInt8]>

    /// The client's next command.
    func command() async throws -> JSONObject {
        for await text in texts {
            if case .object(let json) = try JSONParser.parse(text) { return json }
        }
        throw ClientError.ended
    }

    func say(_ text: String) { send(.text, Array(text.utf8)) }

    func say(_ event: Event) { send(.text, event.json) }

    func ok(_ command: JSONObject, _ members: String = "") {
        say(#"{"id":\#(command.commandID),"type":"ok"\#(members.isEmpty ? "" : "," + members)}"#)
    }

    func stored(_ command: JSONObject, _ number: Int64) {
        ok(command, #""message":\#(String(decoding: message(number, from: me).json, as: UTF8.self)),"repeated":false"#)
    }

    func send(_ opcode: WebSocketOpcode, _ bytes: [UInt8], fin: Bool = true) {
        channel.writeAndFlush(WebSocketFrame(fin: fin, opcode: opcode, data: ByteBuffer(bytes: bytes)), promise: nil)
    }

    func close(_ code: UInt16, _ reason: String = "") {
        send(.connectionClose, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array(reason.utf8))
        channel.close(promise: nil)
    }

    func drop() { channel.close(promise: nil) }

    /// Greets and accepts whatever comes up to the subscription, which is returned.
    @discardableResult
    func accept(cursor: String = "c1") async throws -> JSONObject {
        say(MachineDriver.hello())
        let authenticate = try await command()
        ok(authenticate, #""user_id":"\#(me)""#)
        let subscribe = try await command()
        ok(subscribe, #""conversations":1"#)
        say(.caughtUp(cursor: cursor))
        return subscribe
    }
}

extension ParleyClient.Configuration {
    /// For tests: comes back at once, and does not acknowledge.
    static func quick(_ url: String) -> Self {
        var configuration = Self(url: url) { "token" }
        configuration.maxBackoffSeconds = 0
        configuration.timeoutSeconds = 5
        configuration.acknowledgesDelivery = false
        return configuration
    }
}

/// Runs a client while `body` runs, and ends it then.
func withRunning<Value: Sendable>(
    _ client: ParleyClient, _ body: @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await client.run() }
        let value = try await body()
        group.cancelAll()
        try await group.waitForAll()
        return value
    }
}

extension ParleyClient.Events.AsyncIterator {
    /// The next message's number, whatever comes before it.
    mutating func nextNumber() async -> Int64? {
        while let event = await next() {
            if case .message(let message) = event { return message.message.sequenceNumber }
        }
        return nil
    }
}
