import NIOCore
import NIOWebSocket
import ParleyModel
import Testing

@testable import ParleyClient

/// The client against a server that speaks over real sockets.
@Suite(.timeLimit(.minutes(1)))
struct ClientTests {
    @Test func `it connects, hears and sends`() async throws {
        let server = try await FakeServer.start()
        let client = try ParleyClient(.quick(server.url))
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            let socket = try #require(await sockets.next())
            try await socket.accept()
            socket.say(.message(message(1)))
            var events = client.events.makeAsyncIterator()
            #expect(await events.nextNumber() == 1)

            async let stored = client.send(outgoing("hello"))
            let command = try await socket.command()
            #expect(command.content == "hello")
            socket.stored(command, 2)
            #expect(try await stored == message(2, from: me))
        }
    }

    @Test func `it comes back, resumes, and sends again what had no answer`() async throws {
        let server = try await FakeServer.start()
        let client = try ParleyClient(.quick(server.url))
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            let first = try #require(await sockets.next())
            try await first.accept(cursor: "c1")
            first.say(.message(message(1)))
            first.say(.message(message(2)))
            async let stored = client.send(outgoing("hello"))
            _ = try await first.command()
            first.drop()

            let second = try #require(await sockets.next())
            let subscribe = try await second.accept(cursor: "c2")
            #expect(subscribe["cursor"] == .string("c1"))
            #expect(subscribe["positions"] == .object(JSONObject(members: [(home.description, .integer(2))])))
            let again = try await second.command()
            #expect(again.content == "hello" && again["client_message_id"] == .string("hello"))
            second.stored(again, 3)
            _ = try await stored
            second.say(.message(message(2)))
            second.say(.message(message(3)))

            var events = client.events.makeAsyncIterator()
            var numbers: [Int64] = []
            while numbers.last != 3 { numbers.append(try #require(await events.nextNumber())) }
            #expect(numbers == [1, 2, 3])
        }
    }

    @Test func `whether somebody is there is told on each connection`() async throws {
        let server = try await FakeServer.start()
        let client = try ParleyClient(.quick(server.url))
        await client.setActive(false)
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            for _ in 0..<2 {
                let socket = try #require(await sockets.next())
                try await socket.accept()
                let told = try await socket.command()
                #expect(told.type == "activity" && told["active"] == .bool(false))
                socket.ok(told)
                await client.setActive(true)
                let again = try await socket.command()
                #expect(again.type == "activity" && again["active"] == .bool(true))
                await client.setActive(false)
                _ = try await socket.command()
                socket.drop()
            }
        }
    }

    @Test func `what was read, and nothing more, counts for the next run`() async throws {
        let server = try await FakeServer.start()
        let client = try ParleyClient(.quick(server.url))
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            let socket = try #require(await sockets.next())
            try await socket.accept()
            for number in 1...3 as ClosedRange<Int64> { socket.say(.message(message(number))) }
            var events = client.events.makeAsyncIterator()
            #expect(await events.nextNumber() == 1)
            #expect(client.resumeState.cursor == "c1" && client.resumeState.positions.isEmpty)
            #expect(await events.nextNumber() == 2)
            #expect(client.resumeState.positions == [home: 1])
        }
    }

    @Test func `a code of 4500 ends the run with an error, and what waits with it`() async throws {
        let server = try await FakeServer.start()
        let client = try ParleyClient(.quick(server.url))
        async let ended = ended(client)
        async let sent = failure { try await client.send(outgoing("a")) }
        var sockets = server.sockets.makeAsyncIterator()
        let socket = try #require(await sockets.next())
        socket.say(MachineDriver.hello())
        _ = try await socket.command()
        socket.close(4501, "the token was revoked")
        let expected = ClientError.closed(code: 4501, reason: "the token was revoked")
        #expect(await ended == expected)
        #expect(await sent as? ClientError == expected)
        #expect(await failure { try await client.send(outgoing("b")) } as? ClientError == .ended)
        await #expect(throws: ClientError.alreadyRunning) { try await client.run() }
        for await _ in client.events {}
        for await _ in client.states {}
    }

    @Test func `an expired token is asked for anew`() async throws {
        let server = try await FakeServer.start()
        let count = Counter()
        var configuration = ParleyClient.Configuration.quick(server.url)
        configuration.token = { "token \(count.next())" }
        let client = try ParleyClient(configuration)
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            var tokens: [JSONValue?] = []
            for code in [4001, 4004, 4001] as [UInt16] {
                let socket = try #require(await sockets.next())
                socket.say(MachineDriver.hello())
                tokens.append(try await socket.command()["token"])
                socket.close(code)
            }
            #expect(tokens == [.string("token 1"), .string("token 1"), .string("token 2")])
        }
    }

    @Test func `a token provider that fails is asked again`() async throws {
        let server = try await FakeServer.start()
        let count = Counter()
        var configuration = ParleyClient.Configuration.quick(server.url)
        configuration.token = {
            guard count.next() > 2 else { throw ClientError.ended }
            return "token"
        }
        let client = try ParleyClient(configuration)
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            try await #require(await sockets.next()).accept()
        }
    }

    @Test func `a server that does not read or write yet is waited for`() async throws {
        let port = try await freePort()
        let client = try ParleyClient(.quick("http://127.0.0.1:\(port)"))
        try await withRunning(client) {
            for await state in client.states {
                if case .waiting = state { break }
            }
            let server = try await FakeServer.start(on: port)
            var sockets = server.sockets.makeAsyncIterator()
            try await #require(await sockets.next()).accept()
            for await state in client.states where state == .live { break }
        }
    }

    @Test(arguments: [nil, "chat.v1"])
    func `a server that does not speak the subprotocol is none`(subprotocol: String?) async throws {
        let server = try await FakeServer.start(subprotocol: subprotocol)
        let client = try ParleyClient(.quick(server.url))
        try await withRunning(client) {
            for await state in client.states {
                guard case .waiting(_, let reason) = state else { continue }
                #expect(reason.contains("parley.v1"))
                break
            }
        }
    }

    @Test func `when nobody reads events the socket is not read, and nothing is lost`() async throws {
        let server = try await FakeServer.start()
        var configuration = ParleyClient.Configuration.quick(server.url)
        configuration.maxBufferedEvents = 10
        let client = try ParleyClient(configuration)
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            let socket = try #require(await sockets.next())
            try await socket.accept()
            // Far more than socket buffers hold: the server's side stays full.
            let count: Int64 = 50_000
            for number in 1...count { socket.say(.message(message(number))) }
            while client.buffer.hasRoom { await Task.yield() }
            #expect(!socket.channel.isWritable)
            var events = client.events.makeAsyncIterator()
            for number in 1...count { #expect(await events.nextNumber() == number) }
            #expect(socket.channel.isActive)
        }
    }

    @Test func `a call that is cancelled is withdrawn`() async throws {
        let server = try await FakeServer.start()
        let client = try ParleyClient(.quick(server.url))
        let call = Task { try await client.send(outgoing("never")) }
        await Task.yield()
        call.cancel()
        await #expect(throws: CancellationError.self) { try await call.value }
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            let socket = try #require(await sockets.next())
            try await socket.accept()
            async let stored = client.send(outgoing("sent"))
            let command = try await socket.command()
            #expect(command.content == "sent")
            socket.stored(command, 1)
            _ = try await stored
        }
    }

    @Test func `pings are answered and parts of a message are put together`() async throws {
        let server = try await FakeServer.start()
        let client = try ParleyClient(.quick(server.url))
        try await withRunning(client) {
            var sockets = server.sockets.makeAsyncIterator()
            let socket = try #require(await sockets.next())
            try await socket.accept()
            let json = Event.message(message(1)).json
            socket.send(.text, Array(json.prefix(10)), fin: false)
            socket.send(.ping, [1, 2, 3])
            socket.send(.continuation, Array(json.dropFirst(10)))
            var events = client.events.makeAsyncIterator()
            #expect(await events.nextNumber() == 1)
        }
    }

    private func ended(_ client: ParleyClient) async -> ClientError? {
        do throws(ClientError) {
            try await client.run()
            return nil
        } catch {
            return error
        }
    }

    private func failure(_ call: () async throws -> some Sendable) async -> (any Error)? {
        do {
            _ = try await call()
            return nil
        } catch {
            return error
        }
    }

    private func freePort() async throws -> Int {
        let server = try await FakeServer.start()
        try await server.stop()
        return server.port
    }
}
