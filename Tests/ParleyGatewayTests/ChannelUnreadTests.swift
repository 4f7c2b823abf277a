import NIOCore
import NIOPosix
import Testing

@testable import ParleyGateway

@Suite(.timeLimit(.minutes(1)))
struct ChannelUnreadTests {
    @Test func `bytes that have arrived and were not read are seen`() async throws {
        let (accepted, accept) = AsyncStream.makeStream(of: (any Channel).self)
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { channel in
                accept.yield(channel)
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let client = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: try #require(server.localAddress))
            .get()
        var channels = accepted.makeAsyncIterator()
        let channel = try #require(await channels.next())
        #expect(try await isWaiting(channel) == false)
        try await client.writeAndFlush(ByteBuffer(string: "authenticate")).get()
        while try await !isWaiting(channel) { await Task.yield() }
        try await channel.eventLoop.submit { channel.read() }.get()
        while try await isWaiting(channel) { await Task.yield() }
        try await client.close().get()
        try await server.close().get()
    }

    private func isWaiting(_ channel: any Channel) async throws -> Bool {
        try await channel.eventLoop.submit { channel.hasUnreadBytes }.get()
    }
}
