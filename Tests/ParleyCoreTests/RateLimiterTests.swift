import ParleyCore
import ParleyModel
import Testing

struct RateLimiterTests {
    private let start = Timestamp(milliseconds: 1_000_000)

    @Test func `a burst is allowed, then the average`() throws {
        let limiter = try #require(RateLimiter(perSecond: 2, burst: 3))
        let user = UserID.random()
        #expect((0..<3).allSatisfy { _ in limiter.take(for: user, at: start).isAllowed })
        let refused = limiter.take(for: user, at: start)
        #expect(!refused.isAllowed)
        #expect(refused.retryAfterSeconds == 0.5)
        #expect(limiter.take(for: user, at: start.advanced(bySeconds: 0.5)).isAllowed)
        #expect(!limiter.take(for: user, at: start.advanced(bySeconds: 0.5)).isAllowed)
    }

    @Test func `users do not share a bucket, and no limit is no limiter`() throws {
        let limiter = try #require(RateLimiter(perSecond: 1, burst: 1))
        #expect(limiter.take(for: .random(), at: start).isAllowed)
        #expect(limiter.take(for: .random(), at: start).isAllowed)
        #expect(RateLimiter(perSecond: 0, burst: 1) == nil)
    }

    @Test func `a clock that goes back gives nothing`() throws {
        let limiter = try #require(RateLimiter(perSecond: 1, burst: 1))
        let user = UserID.random()
        #expect(limiter.take(for: user, at: start).isAllowed)
        #expect(!limiter.take(for: user, at: start.advanced(bySeconds: -60)).isAllowed)
    }
}
