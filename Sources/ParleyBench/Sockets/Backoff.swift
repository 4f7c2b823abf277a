import NIOCore

/// How long a client waits before it comes back: somewhere between nothing and a bound that doubles with each failure.
struct Backoff: Sendable, Equatable {
    let firstMilliseconds: Int64
    let maxMilliseconds: Int64

    /// The bound before the given attempt, which counts from 0.
    func bound(before attempt: Int) -> Int64 {
        min(maxMilliseconds, firstMilliseconds << Int64(min(max(attempt, 0), 20)))
    }

    func delay(before attempt: Int) -> TimeAmount {
        .milliseconds(Int64.random(in: 1...max(1, bound(before: attempt))))
    }
}
