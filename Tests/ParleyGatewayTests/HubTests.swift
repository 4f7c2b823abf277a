import Dispatch
import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

struct HubTests {
    private let loop = NIOAsyncTestingEventLoop()
    private let hub: HubPart
    private let conversation = ConversationID.random()
    private let ada = UserID.random()
    private let ben = UserID.random()

    init() { hub = HubPart(loop: loop) }

    @Test func `a message reaches every device of those who listen, and nobody else`() async throws {
        let devices = [try await socket(ada, [conversation]), try await socket(ada, [conversation]), try await socket(ben, [conversation])]
        let outsider = try await socket(.random(), [.random()])
        await deliver([message(1)])
        for device in devices { #expect(try await device.sent() == [text(1)]) }
        #expect(try await outsider.sent().isEmpty)
    }

    @Test func `many events leave in order and in one flush`() async throws {
        let listening = try await socket(ada, [conversation])
        let outsider = try await socket(ben)
        await deliver((1...100).map(message))
        #expect(listening.flushCount == 1)
        #expect(try await listening.sent() == (1...100).map(text))
        #expect(outsider.flushCount == 0)
    }

    @Test func `whoever is added hears of it and of all that follows`() async throws {
        let socket = try await socket(ada)
        await deliver([message(1), .participantChanged(conversation, ada, .member), message(2)])
        #expect(try await socket.sent() == [change(.added), text(2)])
    }

    @Test func `whoever is removed hears of it and of nothing that follows`() async throws {
        let devices = [try await socket(ada, [conversation]), try await socket(ada, [conversation])]
        let staying = try await socket(ben, [conversation])
        await deliver([message(1), .participantChanged(conversation, ada, nil), message(2)])
        await deliver([message(3), .conversationChanged(conversation)])
        for device in devices { #expect(try await device.sent() == [text(1), change(.removed)]) }
        #expect(try await staying.sent() == [text(1), text(2), text(3), change(.updated)])
    }

    @Test func `a removal that overtakes the reading of the conversations stays in force`() async throws {
        let other = ConversationID.random()
        let socket = try await TestSocket.open(on: loop, hub)
        let listener = try #require(await socket.connection.enter(ada))
        await deliver([.participantChanged(conversation, ada, nil)])
        await socket.connection.listen(listener, to: [conversation, other])
        await deliver([message(1), .conversationChanged(other)])
        #expect(try await socket.sent() == [change(.removed), text(SocketText.conversation(other, .updated))])
    }

    @Test func `whoever is removed and added again while the conversations are read hears everything`() async throws {
        let socket = try await TestSocket.open(on: loop, hub)
        let listener = try #require(await socket.connection.enter(ada))
        await deliver([.participantChanged(conversation, ada, nil), .participantChanged(conversation, ada, .member)])
        await socket.connection.listen(listener, to: [])
        await deliver([message(1)])
        #expect(try await socket.sent() == [change(.removed), change(.added), text(1)])
    }

    @Test func `an addition while the conversations are read counts once`() async throws {
        let socket = try await TestSocket.open(on: loop, hub)
        let listener = try #require(await socket.connection.enter(ada))
        await deliver([.participantChanged(conversation, ada, .member)])
        await socket.connection.listen(listener, to: [conversation])
        await deliver([message(1)])
        #expect(try await socket.sent() == [change(.added), text(1)])
    }

    @Test func `a reader that is not writable is closed with 4001 and the others get everything`() async throws {
        let slow = try await socket(ada, [conversation])
        let others = [try await socket(ada, [conversation]), try await socket(ben, [conversation])]
        slow.channel.isWritable = false
        await deliver((1...3).map(message))
        #expect(try await slow.sent() == ["close 4001"])
        await loop.advanceTime(by: .seconds(5))
        try await slow.channel.closeFuture.get()
        await deliver([message(4)])
        for other in others { #expect(try await other.sent() == (1...4).map(text)) }
    }

    @Test func `nothing is kept of connections that have ended`() async throws {
        let sockets = [try await socket(ada, [conversation]), try await socket(ben, [conversation])]
        for socket in sockets { try await socket.channel.close().get() }
        #expect(try await isEmpty())
    }

    @Test func `nothing is kept of a connection that ends while its conversations are read`() async throws {
        let socket = try await TestSocket.open(on: loop, hub)
        let listener = try #require(await socket.connection.enter(ada))
        try await socket.channel.close().get()
        await socket.connection.listen(listener, to: [conversation])
        #expect(try await isEmpty())
    }

    @Test func `every loop gets the events, in order`() async throws {
        let loops = [NIOAsyncTestingEventLoop(), NIOAsyncTestingEventLoop()]
        let hub = Hub(group: Loops(loops))
        var sockets: [TestSocket] = []
        for loop in loops {
            let socket = try await TestSocket.open(on: loop, hub.part(of: loop))
            try await socket.enter(ada, [conversation])
            sockets.append(socket)
        }
        hub.receive([message(1), message(2)])
        hub.receive([message(3)])
        for loop in loops { await loop.run() }
        for socket in sockets { #expect(try await socket.sent() == (1...3).map(text)) }
    }

    private func socket(_ user: UserID, _ conversations: [ConversationID] = []) async throws -> TestSocket {
        let socket = try await TestSocket.open(on: loop, hub)
        try await socket.enter(user, conversations)
        return socket
    }

    private func deliver(_ events: [BusEvent]) async {
        let deliveries = events.map(Delivery.init)
        let hub = hub
        _ = try? await loop.executeInContext { hub.deliver(deliveries) }
    }

    private func isEmpty() async throws -> Bool {
        let hub = hub
        return try await loop.executeInContext { hub.isEmpty }
    }

    private func message(_ number: Int64) -> BusEvent {
        .message(conversation, sequenceNumber: number, json: Array(#"{"sequence_number":\#(number)}"#.utf8))
    }

    private func text(_ number: Int64) -> String { #"{"type":"message","message":{"sequence_number":\#(number)}}"# }
    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
    private func change(_ change: SocketText.ConversationChange) -> String { text(SocketText.conversation(conversation, change)) }
}

/// A group of the loops given to it.
private final class Loops: EventLoopGroup {
    private let loops: [NIOAsyncTestingEventLoop]

    init(_ loops: [NIOAsyncTestingEventLoop]) { self.loops = loops }

    func next() -> any EventLoop { loops[0] }
    func any() -> any EventLoop { loops[0] }
    func makeIterator() -> EventLoopIterator { EventLoopIterator(loops) }
    func shutdownGracefully(queue: DispatchQueue, _ callback: @escaping @Sendable ((any Error)?) -> Void) { queue.async { callback(nil) } }
}
