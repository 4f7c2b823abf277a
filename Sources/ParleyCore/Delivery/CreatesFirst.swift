import ParleyModel
import Synchronization

/// When the last message came in, over all lanes.
public final class CreateActivity: Sendable {
    private let lastArrival = Atomic<Int64>(0)

    public init() {}

    func created(at now: Timestamp) { lastArrival.store(now.milliseconds, ordering: .relaxed) }

    /// Whether a message came in during the last tenth of a second.
    func isRecent(at now: Timestamp) -> Bool { now.milliseconds - lastArrival.load(ordering: .relaxed) < 100 }
}

/// Lets work that can wait step back while messages are being created.
///
/// Queueing and sending notifications compete with creates for the processor and for the store's one writer. While
/// creates come in, whoever does such work rests after each batch for four times as long as the batch took, so that a
/// burst, or a group of 100,000, delays notifications and hardly a create; when creates pause, it works without rest. It rests for
/// a moment also after little work, so that what comes meanwhile is one batch: most of its cost is by the batch.
public struct CreatesFirst: Sendable {
    /// Rest for each second of work.
    static let restShare = 4.0
    /// The shortest rest after a batch, in seconds.
    static let minRestSeconds = 0.02
    /// The longest rest after one batch, in seconds: notifications never stop altogether.
    static let maxRestSeconds = 0.5

    private let activity: CreateActivity?
    private let timeSource: any TimeSource

    public init(_ activity: CreateActivity, timeSource: any TimeSource) {
        self.activity = activity
        self.timeSource = timeSource
    }

    private init() {
        activity = nil
        timeSource = SystemTimeSource()
    }

    /// Works without rest, whatever comes in.
    public static let notNeeded = CreatesFirst()

    /// Rests after a batch that took `worked`. Ends early when the task is cancelled.
    public func rest(after worked: Duration) async {
        let seconds = restSeconds(after: worked)
        if seconds > 0 { try? await Task.sleep(for: .seconds(seconds)) }
    }

    /// How long to rest; 0 when no creates come in.
    func restSeconds(after worked: Duration) -> Double {
        guard let activity, activity.isRecent(at: timeSource.now()) else { return 0 }
        return min(max(Double(worked.nanoseconds) / 1e9 * Self.restShare, Self.minRestSeconds), Self.maxRestSeconds)
    }
}
