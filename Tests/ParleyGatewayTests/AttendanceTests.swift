import Logging
import NIOCore
import NIOEmbedded
import ParleyCore
import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyGateway

/// Until when somebody sat at a connection that has ended, as it is written down for the second look.
@Suite(.timeLimit(.minutes(1)))
struct AttendanceTests {
    private static let user = UserID.random()

    private struct KnowsOne: TokenVerifier {
        func verify(_ token: String) async throws(ParleyError) -> Caller { Caller(userID: AttendanceTests.user) }
    }

    private let attendances = InMemoryStore()
    private let time = ManualTimeSource()

    private func running(_ body: (TestGateway) async throws -> Void) async throws {
        let keeper = AttendanceKeeper(
            attendances, node: .only, timeSource: time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let keeping = Task { try await keeper.run() }
        defer { keeping.cancel() }
        try await body(TestGateway(verifier: KnowsOne(), attendance: keeper))
    }

    private func connect(_ gateway: TestGateway) async throws -> TestSocket {
        let socket = try await gateway.open()
        try await ask(#"{"id":1,"type":"authenticate","token":"t"}"#, socket, gateway)
        return socket
    }

    private func ask(_ command: String, _ socket: TestSocket, _ gateway: TestGateway) async throws {
        try await socket.receive(command)
        await work(socket, gateway)
        _ = try await socket.sent()
    }

    private func work(_ socket: TestSocket, _ gateway: TestGateway) async {
        await gateway.loop.run()
        await socket.connection.session.work(for: socket.connection)
        await gateway.loop.run()
    }

    /// When the user's end is written: until when somebody sat there, in seconds from the start.
    private func seenUntil() async throws -> Double? {
        while true {
            let due = await attendances.leaseLooks(limit: 10, seconds: 1e6, at: Sample.time(1e6))
            if let look = due.first { return look.seenUntil?.seconds(since: Sample.start) }
            try await Task.sleep(for: .milliseconds(5))
        }
    }

    private func pass(to seconds: Double, _ gateway: TestGateway) {
        time.set(Sample.time(seconds))
        gateway.time.set(Sample.time(seconds))
    }

    @Test func `who tells of no activity was there until the end`() async throws {
        try await running { gateway in
            let socket = try await connect(gateway)
            pass(to: 100, gateway)
            try await socket.channel.close()
            await work(socket, gateway)
            #expect(try await seenUntil() == 100)
        }
    }

    @Test func `who tells of activity was there when they last did`() async throws {
        try await running { gateway in
            let socket = try await connect(gateway)
            for second in [10.0, 60] {
                pass(to: second, gateway)
                try await ask(#"{"id":2,"type":"activity","active":true}"#, socket, gateway)
            }
            pass(to: 100, gateway)
            try await socket.channel.close()
            await work(socket, gateway)
            #expect(try await seenUntil() == 60)
        }
    }

    @Test func `whose activity has run out was there when they last told of it`() async throws {
        try await running { gateway in
            let socket = try await connect(gateway)
            try await ask(#"{"id":2,"type":"activity","active":true}"#, socket, gateway)
            pass(to: 121, gateway)
            for _ in 0..<121 {
                await gateway.loop.advanceTime(by: .seconds(1))
                try await ask(#"{"id":3,"type":"ping"}"#, socket, gateway)
            }
            #expect(try await seenUntil() == 0)
        }
    }

    @Test func `who says that nobody is there was there until then`() async throws {
        try await running { gateway in
            let socket = try await connect(gateway)
            pass(to: 50, gateway)
            try await ask(#"{"id":2,"type":"activity","active":false}"#, socket, gateway)
            #expect(try await seenUntil() == 50)
            pass(to: 70, gateway)
            try await socket.channel.close()
            await work(socket, gateway)
        }
    }

    @Test func `who is back at a connection that stayed open is there again`() async throws {
        try await running { gateway in
            let socket = try await connect(gateway)
            for isActive in [false, true] {
                try await ask(#"{"id":2,"type":"activity","active":\#(isActive)}"#, socket, gateway)
            }
            #expect(await attendances.leaseLooks(limit: 10, seconds: 1, at: Sample.time(1e6)).isEmpty)
            pass(to: 90, gateway)
            try await socket.channel.close()
            await work(socket, gateway)
            #expect(try await seenUntil() == 0)
        }
    }
}
