import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// One connection's rules over time, with a clock that is moved by hand.
struct SocketConnectionTests {
    private let gateway = TestGateway()
    private var loop: NIOAsyncTestingEventLoop { gateway.loop }
    private let send = #"{"id":5,"type":"send","message_type":"text","content":"hi"}"#

    @Test func `whoever shows no token in time is closed with 4003`() async throws {
        let socket = try await gateway.open()
        await loop.advanceTime(by: .milliseconds(9_999))
        #expect(try await socket.sent().isEmpty)
        await loop.advanceTime(by: .milliseconds(1))
        #expect(try await socket.sent() == ["close 4003"])
    }

    @Test(arguments: [false, true])
    func `whose token is not checked in time is told to come back, and much later`(hasToken: Bool) async throws {
        let socket = try await gateway.open(hasToken: hasToken)
        if !hasToken { try await socket.receive(#"{"id":1,"type":"authenticate","token":"t"}"#) }
        await loop.advanceTime(by: .milliseconds(59_999))
        let sent = try await socket.sent()
        #expect(!sent.contains { $0.hasPrefix("close") })
        await loop.advanceTime(by: .milliseconds(1))
        #expect(try await socket.sent().last == "close 4002")
    }

    @Test func `nothing may be sent before the authenticate command, and everything after it, reply or not`() async throws {
        let socket = try await gateway.open()
        try await socket.receive(send)
        #expect(try await socket.sent() == [error(5, ParleyError(.missingToken, "authenticate first"))])
        try await socket.receive(#"{"id":6,"type":"authenticate","token":"t"}"#)
        try await socket.receive(send)
        #expect(try await socket.sent().isEmpty)
        let commands = await commands(of: socket)
        #expect(commands.map(\.id) == [6, 5])
    }

    @Test func `a newer token moves the end of the connection`() async throws {
        let socket = try await entered(tokenEndsIn: 20)
        await socket.connection.renew(Caller(userID: .random()), tokenEndsIn: 40)
        await loop.advanceTime(by: .seconds(39))
        #expect(try await socket.sent().filter { $0.hasPrefix("close") }.isEmpty)
        try await socket.receive(#"{"id":1,"type":"ping"}"#)
        await loop.advanceTime(by: .seconds(1))
        #expect(try await socket.sent() == ["close 4004"])
    }

    @Test func `a silent connection is pinged and then closed with 4005`() async throws {
        let socket = try await entered()
        for _ in 0..<2 {
            await loop.advanceTime(by: .seconds(25))
            #expect(try await socket.told() == ["heartbeat", "ping"])
        }
        await loop.advanceTime(by: .seconds(25))
        #expect(try await socket.sent() == ["close 4005"])
    }

    @Test func `a connection that answers stays`() async throws {
        let socket = try await entered()
        for _ in 0..<10 {
            await loop.advanceTime(by: .seconds(25))
            #expect(try await socket.told() == ["heartbeat", "ping"])
            try await socket.receive(#"{"id":1,"type":"ping"}"#)
        }
    }

    @Test func `a connection ends with its token`() async throws {
        let socket = try await entered(tokenEndsIn: 20)
        await loop.advanceTime(by: .milliseconds(19_999))
        #expect(try await socket.sent().isEmpty)
        await loop.advanceTime(by: .milliseconds(1))
        #expect(try await socket.sent() == ["close 4004"])
    }

    @Test func `after the close nothing more leaves`() async throws {
        let socket = try await entered()
        try await socket.receive("not JSON")
        socket.connection.reply(SocketText.ok(1))
        await loop.run()
        #expect(try await socket.sent() == ["close 4502"])
    }

    @Test func `commands beyond the rate are refused, and who goes on all the same is closed with 4006`() async throws {
        let socket = try await entered()
        for _ in 0..<200 { try await socket.receive(#"{"id":1,"type":"unknown"}"#) }
        #expect(try await socket.sent().allSatisfy { $0.contains("unknown_command") })
        for _ in 0..<200 { try await socket.receive(#"{"id":1,"type":"unknown"}"#) }
        let refusals = try await socket.sent()
        #expect(refusals.count == 200 && refusals.allSatisfy { $0.contains("rate_limited") && $0.contains("retry_after_ms") })
        await loop.advanceTime(by: .seconds(1))
        try await socket.receive(#"{"id":1,"type":"unknown"}"#)
        #expect(try await socket.sent().allSatisfy { $0.contains("unknown_command") })
        for _ in 0..<250 { try await socket.receive(#"{"id":1,"type":"unknown"}"#) }
        #expect(try await socket.sent().last == "close 4006")
    }

    @Test func `when the server stops, what is under way is answered first`() async throws {
        let socket = try await entered()
        try await socket.receive(#"{"id":1,"type":"ping"}"#)
        try await socket.channel.testingEventLoop.executeInContext { socket.connection.drain() }
        #expect(try await socket.told() == ["going_away"])
        try await socket.receive(#"{"id":2,"type":"ping"}"#)
        socket.connection.reply(SocketText.ok(1))
        await loop.run()
        #expect(try await socket.sent() == [#"{"id":1,"type":"ok"}"#, "close 4000"])
    }

    private func entered(tokenEndsIn seconds: Double? = nil) async throws -> TestSocket {
        let socket = try await gateway.open()
        try await socket.enter(Caller(userID: .random()), tokenEndsIn: seconds)
        return socket
    }

    private func commands(of socket: TestSocket) async -> [NumberedCommand] {
        var commands: [NumberedCommand] = []
        while let work = await socket.connection.nextWork() {
            if case .command(let command) = work { commands.append(command) }
        }
        return commands
    }

    private func error(_ id: Int64, _ error: ParleyError) -> String { String(decoding: SocketText.error(id, error), as: UTF8.self) }
}
