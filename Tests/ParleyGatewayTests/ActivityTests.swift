import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// What clients tell of their users' activity, and who counts as being there for it.
struct ActivityTests {
    private static let user = UserID.random()

    private struct KnowsOne: TokenVerifier {
        func verify(_ token: String) async throws(ParleyError) -> Caller { Caller(userID: ActivityTests.user) }
    }

    // Whose leases do not end, however slow the machine is.
    private let presence = InProcessPresence(timeSource: ManualTimeSource())
    private let gateway: TestGateway

    init() { gateway = TestGateway(presence: presence, verifier: KnowsOne()) }

    private func authenticated() async throws -> TestSocket {
        let socket = try await gateway.open()
        _ = try await ask(#"{"id":1,"type":"authenticate","token":"t"}"#, socket)
        return socket
    }

    /// Has what is asked carried out, and returns what was sent.
    @discardableResult
    private func ask(_ command: String, _ socket: TestSocket) async throws -> [String] {
        try await socket.receive(command)
        await work(socket)
        return try await socket.sent()
    }

    private func work(_ socket: TestSocket) async {
        await gateway.loop.run()
        await socket.connection.session.work(for: socket.connection)
        await gateway.loop.run()
    }

    private func activity(_ isActive: Bool, _ socket: TestSocket) async throws -> [String] {
        try await ask(#"{"id":2,"type":"activity","active":\#(isActive)}"#, socket)
    }

    /// Seconds in which the connection shows that it lives and the user does nothing.
    private func idle(_ seconds: Int, _ sockets: TestSocket...) async throws {
        for _ in 0..<seconds {
            await gateway.loop.advanceTime(by: .seconds(1))
            for socket in sockets { try await ask(#"{"id":3,"type":"ping"}"#, socket) }
        }
    }

    private var isAttended: Bool { get async { await !presence.attended(among: [Self.user]).isEmpty } }
    private var isOnline: Bool { get async { await !presence.online(among: [Self.user]).isEmpty } }

    @Test func `who never tells of activity is there for as long as the connection is`() async throws {
        let socket = try await authenticated()
        try await idle(300, socket)
        #expect(await isAttended)
    }

    @Test func `activity counts for two minutes, and as long again whenever it is told`() async throws {
        let socket = try await authenticated()
        #expect(try await activity(true, socket) == [#"{"id":2,"type":"ok","expires_in_ms":120000}"#])
        try await idle(100, socket)
        _ = try await activity(true, socket)
        try await idle(119, socket)
        #expect(await isAttended)
        try await idle(1, socket)
        #expect(await !isAttended)
        #expect(await isOnline)
        try await idle(100, socket)
        #expect(await !isAttended)
        _ = try await activity(true, socket)
        #expect(await isAttended)
    }

    @Test func `who says that nobody is there is away at once, and until they are back`() async throws {
        let socket = try await authenticated()
        #expect(try await activity(false, socket) == [#"{"id":2,"type":"ok"}"#])
        #expect(await !isAttended)
        _ = try await activity(false, socket)
        _ = try await activity(true, socket)
        #expect(await isAttended)
    }

    @Test func `activity that is told while its end waits for its turn is not ended`() async throws {
        let socket = try await authenticated()
        _ = try await activity(true, socket)
        try await idle(119, socket)
        try await socket.receive(#"{"id":2,"type":"activity","active":true}"#)
        await gateway.loop.advanceTime(by: .seconds(1))
        await work(socket)
        #expect(await isAttended)
    }

    @Test func `a connection that tells nothing keeps its user there, whatever the others tell`() async throws {
        let silent = try await authenticated()
        let telling = try await authenticated()
        _ = try await activity(false, telling)
        #expect(await isAttended)
        try await close(silent)
        #expect(await !isAttended)
        #expect(await isOnline)
        try await close(telling)
        #expect(await !isOnline)
        _ = try await authenticated()
        #expect(await isAttended)
    }

    private func close(_ socket: TestSocket) async throws {
        try await socket.channel.close()
        await work(socket)
    }
}
