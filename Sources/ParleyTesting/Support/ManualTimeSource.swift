public import ParleyCore
public import ParleyModel
import Synchronization

/// A clock that stands still until it is moved by hand.
public final class ManualTimeSource: TimeSource {
    private let time: Mutex<Timestamp>

    public init(_ start: Timestamp = Sample.start) { time = Mutex(start) }

    public func now() -> Timestamp { time.withLock { $0 } }

    public func advance(bySeconds seconds: Double) {
        time.withLock { $0 = $0.advanced(bySeconds: seconds) }
    }

    public func set(_ now: Timestamp) {
        time.withLock { $0 = now }
    }
}
