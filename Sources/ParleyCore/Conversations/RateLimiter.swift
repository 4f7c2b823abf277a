public import ParleyModel
import Synchronization

/// A token bucket per user: `perSecond` on average, `burst` at once. Bounded: users who have not been seen lately are
/// forgotten, which can only give them a full bucket.
public final class RateLimiter: Sendable {
    public struct Decision: Sendable, Equatable {
        public let isAllowed: Bool
        /// The size of the bucket.
        public let limit: Int
        /// Whole requests left right now.
        public let remaining: Int
        /// Seconds until the bucket is full again.
        public let resetSeconds: Double
        /// Seconds until one more request is allowed; 0 when it is.
        public let retryAfterSeconds: Double
    }

    private struct Bucket {
        var tokens: Double
        var filledAt: Timestamp
    }

    private let perSecond: Double
    private let burst: Double
    private let buckets: Mutex<TwoGenerationCache<UserID, Bucket>>

    /// Nil when `perSecond` is 0: no limit.
    public init?(perSecond: Double, burst: Double, capacity: Int = 100_000) {
        guard perSecond > 0 else { return nil }
        self.perSecond = perSecond
        self.burst = max(1, burst)
        buckets = Mutex(TwoGenerationCache(capacity: capacity))
    }

    /// Takes one request from the user's bucket if there is one.
    public func take(for user: UserID, at now: Timestamp) -> Decision {
        buckets.withLock { buckets in
            var bucket = buckets[user] ?? Bucket(tokens: burst, filledAt: now)
            bucket.tokens = min(burst, bucket.tokens + max(0, now.seconds(since: bucket.filledAt)) * perSecond)
            bucket.filledAt = now
            let isAllowed = bucket.tokens >= 1
            if isAllowed { bucket.tokens -= 1 }
            buckets.insert(bucket, for: user)
            return Decision(
                isAllowed: isAllowed, limit: Int(burst), remaining: Int(bucket.tokens), resetSeconds: (burst - bucket.tokens) / perSecond,
                retryAfterSeconds: isAllowed ? 0 : (1 - bucket.tokens) / perSecond)
        }
    }
}
