import ParleyModel
import ParleyTesting
import Testing

@testable import ParleyPushServices

struct CircuitBreakerTests {
    private static let configuration = CircuitBreaker.Configuration(
        maxFailures: 3, openSeconds: 5, maxOpenSeconds: 20, probeSeconds: 30)

    private func opened() -> CircuitBreaker {
        var breaker = CircuitBreaker(Self.configuration)
        for _ in 1...3 { _ = breaker.failed(at: Sample.start) }
        return breaker
    }

    private func expect(
        _ breaker: inout CircuitBreaker, at now: Timestamp, _ expected: CircuitBreaker.Admission,
        _ place: SourceLocation = #_sourceLocation
    ) {
        let admission = breaker.admit(at: now)
        #expect(admission == expected, sourceLocation: place)
    }

    @Test func `a success in between begins the count anew`() {
        var breaker = CircuitBreaker(Self.configuration)
        for _ in 1...5 {
            let opens = [breaker.failed(at: Sample.start), breaker.failed(at: Sample.start)]
            #expect(opens == [false, false])
            breaker.succeeded()
        }
        expect(&breaker, at: Sample.start, .admitted)
    }

    @Test func `it says when it opens, once`() {
        var breaker = CircuitBreaker(Self.configuration)
        #expect((1...5).map { _ in breaker.failed(at: Sample.start) } == [false, false, true, false, false])
    }

    @Test func `after the pause one is let through, and no other before its answer`() {
        var breaker = opened()
        expect(&breaker, at: Sample.time(2), .refused(seconds: 3))
        expect(&breaker, at: Sample.time(5), .admitted)
        expect(&breaker, at: Sample.time(5), .refused(seconds: 5))
        breaker.succeeded()
        expect(&breaker, at: Sample.time(5), .admitted)
        expect(&breaker, at: Sample.time(5), .admitted)
    }

    @Test func `pauses double up to the longest`() {
        var breaker = opened()
        var now = 0.0
        for pause in [5.0, 10, 20, 20] {
            expect(&breaker, at: Sample.time(now + pause - 1), .refused(seconds: 1))
            now += pause
            expect(&breaker, at: Sample.time(now), .admitted)
            let opens = breaker.failed(at: Sample.time(now))
            #expect(opens)
        }
    }

    @Test func `a probe of which nothing is heard does not hold up others for ever`() {
        var breaker = opened()
        expect(&breaker, at: Sample.time(5), .admitted)
        expect(&breaker, at: Sample.time(34), .refused(seconds: 5))
        expect(&breaker, at: Sample.time(35), .admitted)
    }

    @Test func `a probe that says nothing makes the next request one`() {
        var breaker = opened()
        expect(&breaker, at: Sample.time(5), .admitted)
        breaker.learntNothing(at: Sample.time(6))
        expect(&breaker, at: Sample.time(6), .admitted)
        expect(&breaker, at: Sample.time(6), .refused(seconds: 5))
    }

    @Test func `a clock that is set back does not keep it open`() {
        var breaker = opened()
        expect(&breaker, at: Sample.time(-3600), .admitted)
    }
}
