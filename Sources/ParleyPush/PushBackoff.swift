/// How long to wait before trying again: exponential with full jitter, so that what failed together does not come back
/// together.
struct PushBackoff: Sendable, Equatable {
    let baseSeconds: Double
    let capSeconds: Double

    /// Between 0 and `ceilingSeconds(afterAttempt:)`; `jitter` (0...1) says where in between.
    func seconds(afterAttempt attempt: Int, jitter: Double) -> Double {
        ceilingSeconds(afterAttempt: attempt) * min(max(jitter, 0), 1)
    }

    /// The base after the first attempt, doubled for each further one, at most the cap.
    func ceilingSeconds(afterAttempt attempt: Int) -> Double {
        // 2^60 seconds is past any cap; the limit keeps an absurd attempt from becoming infinite.
        let doublings = min(max(attempt - 1, 0), 60)
        return min(capSeconds, baseSeconds * Double(1 << doublings))
    }
}
