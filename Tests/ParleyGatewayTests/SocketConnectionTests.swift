import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// One connection's rules over time, with a clock that is moved by hand.
struct SocketConnectionTests {
    private let loop = NIOAsyncTestingEventLoop()
    private let hub: HubPart
    private let send = #"{"id":5,"type":"send","message_type":"text","content":"hi"}"#

    init() { hub = HubPart(loop: loop) }

    @Test(arguments: [false, true])
    func `whoever is not known in time is closed with 4003`(hasToken: Bool) async throws {
        let socket = try await TestSocket.open(on: loop, hub, hasToken: hasToken)
        await loop.advanceTime(by: .milliseconds(9_999))
        #expect(try await socket.sent().isEmpty)
        await loop.advanceTime(by: .milliseconds(1))
        #expect(try await socket.sent() == ["close 4003"])
    }

    @Test func `nothing may be sent before the authenticate command, and everything after it, reply or not`() async throws {
        let socket = try await TestSocket.open(on: loop, hub)
        try await socket.receive(send)
        #expect(try await socket.sent() == [error(5, ParleyError(.missingToken, "authenticate first"))])
        try await socket.receive(#"{"id":6,"type":"authenticate","token":"t"}"#)
        try await socket.receive(send)
        #expect(try await socket.sent().isEmpty)
        let commands = await commands(of: socket, count: 2)
        #expect(commands.map(\.id) == [6, 5])
    }

    @Test(arguments: [false, true])
    func `a connection is authenticated once`(hasToken: Bool) async throws {
        let socket = try await TestSocket.open(on: loop, hub, hasToken: hasToken)
        let authenticate = #"{"id":6,"type":"authenticate","token":"t"}"#
        if !hasToken { try await socket.receive(authenticate) }
        try await socket.receive(authenticate)
        let refusal = error(6, ParleyError(.invalidField, "this connection is authenticated already"))
        #expect(try await socket.sent() == [refusal])
        try await socket.enter(.random())
        try await socket.receive(authenticate)
        #expect(try await socket.sent() == [refusal])
    }

    @Test func `a silent connection is pinged and then closed with 4005`() async throws {
        let socket = try await entered()
        for _ in 0..<2 {
            await loop.advanceTime(by: .seconds(25))
            #expect(try await socket.sent() == ["ping"])
        }
        await loop.advanceTime(by: .seconds(25))
        #expect(try await socket.sent() == ["close 4005"])
    }

    @Test func `a connection that answers stays`() async throws {
        let socket = try await entered()
        for _ in 0..<10 {
            await loop.advanceTime(by: .seconds(25))
            #expect(try await socket.sent() == ["ping"])
            try await socket.receive(#"{"id":1,"type":"ping"}"#)
        }
    }

    @Test func `a connection ends with its token`() async throws {
        let socket = try await entered()
        socket.connection.close(at: Sample.time(20), now: Sample.start)
        await loop.advanceTime(by: .milliseconds(19_999))
        #expect(try await socket.sent().isEmpty)
        await loop.advanceTime(by: .milliseconds(1))
        #expect(try await socket.sent() == ["close 4004"])
    }

    @Test func `after the close nothing more leaves`() async throws {
        let socket = try await entered()
        try await socket.receive("not JSON")
        socket.connection.greet(SocketText.ok(1))
        await loop.run()
        #expect(try await socket.sent() == ["close 4502"])
    }

    private func entered() async throws -> TestSocket {
        let socket = try await TestSocket.open(on: loop, hub)
        try await socket.enter(.random())
        return socket
    }

    private func commands(of socket: TestSocket, count: Int) async -> [NumberedCommand] {
        var commands: [NumberedCommand] = []
        for await command in socket.connection.commands {
            commands.append(command)
            if commands.count == count { break }
        }
        return commands
    }

    private func error(_ id: Int64, _ error: ParleyError) -> String { String(decoding: SocketText.error(id, error), as: UTF8.self) }
}
