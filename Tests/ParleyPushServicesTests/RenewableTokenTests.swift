import ParleyModel
import ParleyTesting
import Synchronization
import Testing

@testable import ParleyPushServices

struct RenewableTokenTests {
    private typealias Made = Result<RenewableToken.Token, RenewableToken.Failure>

    /// Makes "1", "2", … for 60 seconds each, renewed after 50; fails while told to.
    private final class Source: Sendable {
        let count = Mutex(0)
        let failure = Mutex<RenewableToken.Failure?>(nil)
        let gate = Mutex<[CheckedContinuation<Void, Never>]?>(nil)

        func make(at now: Timestamp) async -> Made {
            let number = count.withLock { count in
                count += 1
                return count
            }
            await withCheckedContinuation { continuation in
                let isOpen = gate.withLock { waiting in
                    waiting?.append(continuation)
                    return waiting == nil
                }
                if isOpen { continuation.resume() }
            }
            if let failure = failure.withLock({ $0 }) { return .failure(failure) }
            return .success(
                RenewableToken.Token(
                    text: "\(number)", madeAt: now, renewAt: now.advanced(bySeconds: 50), endsAt: now.advanced(bySeconds: 60)))
        }

        func close() { gate.withLock { $0 = [] } }

        func open() {
            let waiting = gate.withLock { $0.take() }
            for continuation in waiting ?? [] { continuation.resume() }
        }
    }

    private let time = ManualTimeSource()
    private let source = Source()

    private var token: RenewableToken {
        RenewableToken(rules: RenewableToken.Rules(minSecondsBetween: 20), time: time) { [source] in await source.make(at: $0) }
    }

    private static func failure(_ reason: String, after: Double? = nil) -> Result<String, RenewableToken.Failure> {
        .failure(RenewableToken.Failure(after: after, reason: reason))
    }

    @Test func `all who wait for the first one get the same`() async throws {
        let token = token
        source.close()
        await withTaskGroup(of: Result<String, RenewableToken.Failure>.self) { group in
            for _ in 1...50 { group.addTask { await token.current() } }
            try? await eventually { source.gate.withLock { $0?.count == 1 } }
            source.open()
            for await result in group { #expect(result == .success("1")) }
        }
        #expect(source.count.withLock { $0 } == 1)
    }

    @Test func `nobody waits for a renewal while the old one is good`() async throws {
        let token = token
        #expect(await token.current() == .success("1"))
        time.advance(bySeconds: 55)
        source.close()
        for _ in 1...3 { #expect(await token.current() == .success("1")) }
        source.open()
        try await eventually { await token.current() == .success("2") }
        #expect(source.count.withLock { $0 } == 2)
    }

    @Test func `while renewals fail the old one serves to its end`() async throws {
        let token = token
        #expect(await token.current() == .success("1"))
        source.failure.withLock { $0 = RenewableToken.Failure(after: nil, reason: "no") }
        time.advance(bySeconds: 50)
        for _ in 1...20 { #expect(await token.current() == .success("1")) }
        try await eventually { source.count.withLock { $0 } == 2 }
        time.advance(bySeconds: 10)
        guard case .failure(let failure) = await token.current() else {
            Issue.record("it still serves")
            return
        }
        #expect(failure.reason == "no")
    }

    @Test func `while renewals fail they become rarer`() async {
        let token = token
        source.failure.withLock { $0 = RenewableToken.Failure(after: nil, reason: "no") }
        for (attempt, seconds) in [(1, 1.0), (2, 2), (3, 4)] {
            for _ in 1...10 { #expect(await token.current() == Self.failure("no", after: seconds)) }
            #expect(source.count.withLock { $0 } == attempt)
            time.advance(bySeconds: seconds)
        }
        source.failure.withLock { $0 = nil }
        #expect(await token.current() == .success("4"))
    }

    @Test func `the wait that the service asks for is kept`() async {
        let token = token
        source.failure.withLock { $0 = RenewableToken.Failure(after: 90, reason: "later") }
        #expect(await token.current() == Self.failure("later", after: 90))
        time.advance(bySeconds: 89)
        #expect(await token.current() == Self.failure("later", after: 1))
        #expect(source.count.withLock { $0 } == 1)
    }

    @Test func `waits have a longest`() async {
        let token = token
        source.failure.withLock { $0 = RenewableToken.Failure(after: nil, reason: "no") }
        for _ in 1...20 {
            _ = await token.current()
            time.advance(bySeconds: 300)
        }
        #expect(source.count.withLock { $0 } == 20)
        #expect(await token.current() == Self.failure("no", after: 300))
    }

    @Test func `a refused token is replaced, but not a young one, and not one that was replaced already`() async {
        let token = token
        #expect(await token.current() == .success("1"))
        #expect(!token.refuse("1"))
        #expect(await token.current() == .success("1"))
        time.advance(bySeconds: 20)
        #expect(token.refuse("1"))
        #expect(await token.current() == .success("2"))
        #expect(token.refuse("1"))
        #expect(await token.current() == .success("2"))
    }
}
