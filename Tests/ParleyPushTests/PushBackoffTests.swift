import Testing

@testable import ParleyPush

struct PushBackoffTests {
    let backoff = PushWorker.Configuration().retryBackoff

    static let ceilings: [(attempt: Int, seconds: Double)] = [
        (1, 1), (2, 2), (3, 4), (8, 128), (9, 256), (10, 300), (1000, 300), (.max, 300), (0, 1), (-1, 1),
    ]

    @Test(arguments: ceilings)
    func `the longest wait doubles from the base up to the cap`(attempt: Int, seconds: Double) {
        #expect(backoff.ceilingSeconds(afterAttempt: attempt) == seconds)
    }

    @Test(arguments: 1...12)
    func `the jitter spans the whole wait and never leaves it`(attempt: Int) {
        let ceiling = backoff.ceilingSeconds(afterAttempt: attempt)
        #expect(backoff.seconds(afterAttempt: attempt, jitter: 0) == 0)
        #expect(backoff.seconds(afterAttempt: attempt, jitter: 0.5) == ceiling / 2)
        #expect(backoff.seconds(afterAttempt: attempt, jitter: 1) == ceiling)
        #expect(backoff.seconds(afterAttempt: attempt, jitter: 7) == ceiling)
        #expect(backoff.seconds(afterAttempt: attempt, jitter: -7) == 0)
    }
}
