import ParleyCore
import ParleyModel
import Synchronization

/// What is not to be tried before a moment: a device because its push service asked for that, or one alert because it has just
/// failed. Known to this worker only; another one is told by the push service itself.
final class PushPauses: Sendable {
    enum Key: Hashable {
        case device(DeviceID)
        case alert(AlertKey)
    }

    /// Beyond that the oldest knowledge is lost, and something is tried too early.
    static let maxCount = 100_000

    private let ends = Mutex<[Key: Timestamp]>([:])

    func pause(_ key: Key, until end: Timestamp, at now: Timestamp) {
        ends.withLock { ends in
            if ends.count >= Self.maxCount { ends = ends.filter { $0.value > now } }
            if ends.count >= Self.maxCount { ends.removeAll() }
            ends[key] = max(end, ends[key] ?? end)
        }
    }

    /// How long the alert has to wait; nil when it may be tried.
    func seconds(of alert: AlertKey, at now: Timestamp) -> Double? {
        ends.withLock { ends in
            let longest = [Key.device(alert.deviceID), .alert(alert)].compactMap { ends[$0] }.max()
            guard let longest, longest > now else { return nil }
            return longest.seconds(since: now)
        }
    }
}
