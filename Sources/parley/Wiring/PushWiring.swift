import Logging
import ParleyCore
import ParleyPush

/// Picks the push providers.
enum PushWiring {
    /// Nil when notifications are switched off. The log is for whatever no other provider serves.
    static func worker(
        _ settings: Settings, _ backend: Backend, _ providers: [any PushProvider], _ time: any TimeSource, _ createsFirst: CreatesFirst,
        _ logger: Logger
    ) throws -> PushWorker? {
        guard settings.text("push.provider") == "log" else { return nil }
        return PushWorker(
            queue: backend.pushQueue, conversations: backend.conversations, presence: backend.presence, devices: backend.devices,
            providers: providers + [try LogPushProvider(path: settings.text("push.log_file"), time: time)], time: time, logger: logger,
            createsFirst: createsFirst)
    }
}
