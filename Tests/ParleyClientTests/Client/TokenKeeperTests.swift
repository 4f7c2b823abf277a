import Testing

@testable import ParleyClient

/// The app is asked for one token at a time.
@Suite(.timeLimit(.minutes(1)))
struct TokenKeeperTests {
    /// An app that answers when it is told to.
    private actor App {
        private(set) var asked = 0
        private(set) var cancelled = 0
        private var waiting: [CheckedContinuation<String, any Error>] = []

        func token() async throws -> String {
            asked += 1
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { waiting.append($0) }
            } onCancel: {
                Task { await self.cancel() }
            }
        }

        func answer(_ result: Result<String, any Error>) {
            for continuation in waiting { continuation.resume(with: result) }
            waiting = []
        }

        private func cancel() {
            cancelled += 1
            answer(.failure(CancellationError()))
        }
    }

    private let app = App()

    private func keeper() -> TokenKeeper {
        let app = app
        return TokenKeeper { try await app.token() }
    }

    /// Gives what was started the time to ask.
    private func settle() async {
        for _ in 0..<200 { await Task.yield() }
    }

    @Test func `all who wait share one request`() async throws {
        let keeper = keeper()
        let calls = [
            Task { try await keeper.token() }, Task { try await keeper.token() }, Task { try await keeper.token(fresh: true) },
            Task { try await keeper.token(insteadOf: "old") },
        ]
        while await app.asked == 0 { await Task.yield() }
        await settle()
        #expect(await app.asked == 1)
        await app.answer(.success("new"))
        for call in calls { #expect(try await call.value == "new") }
        #expect(try await keeper.token() == "new")
        #expect(await app.asked == 1)
    }

    @Test func `who finds a token refused while another is asked for waits for that one`() async throws {
        let keeper = keeper()
        let first = Task { try await keeper.token() }
        while await app.asked == 0 { await Task.yield() }
        await settle()
        await app.answer(.success("old"))
        #expect(try await first.value == "old")
        let calls = [
            Task { try await keeper.token(insteadOf: "old") }, Task { try await keeper.token(insteadOf: "old") },
            Task { try await keeper.token(fresh: true) },
        ]
        while await app.asked == 1 { await Task.yield() }
        await settle()
        #expect(await app.asked == 2)
        await app.answer(.success("new"))
        for call in calls { #expect(try await call.value == "new") }
    }

    @Test func `an error is told to all who wait, and the next one asks again`() async throws {
        let keeper = keeper()
        let calls = [Task { try await keeper.token() }, Task { try await keeper.token() }]
        while await app.asked == 0 { await Task.yield() }
        await settle()
        await app.answer(.failure(ClientError.ended))
        for call in calls { await #expect(throws: ClientError.ended) { try await call.value } }
        let next = Task { try await keeper.token() }
        while await app.asked == 1 { await Task.yield() }
        await settle()
        await app.answer(.success("new"))
        #expect(try await next.value == "new")
        #expect(await app.asked == 2)
    }

    @Test func `who is cancelled stops waiting, and only the last one ends the request`() async throws {
        let keeper = keeper()
        let first = Task { try await keeper.token() }
        while await app.asked == 0 { await Task.yield() }
        let second = Task { try await keeper.token() }
        await settle()
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        #expect(await app.asked == 1)
        #expect(await app.cancelled == 0)
        second.cancel()
        await #expect(throws: CancellationError.self) { try await second.value }
        while await app.cancelled == 0 { await Task.yield() }
    }
}
