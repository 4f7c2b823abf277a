import Logging
import ParleyCore
import ParleyModel
import ParleyPush

/// Picks the push providers.
enum PushWiring {
    /// Nil when notifications are switched off. The log is for whatever no other provider serves.
    static func worker(
        _ settings: Settings, _ backend: Backend, _ providers: [any PushProvider], _ time: any TimeSource, _ createsFirst: CreatesFirst,
        _ logger: Logger
    ) throws -> PushWorker? {
        guard settings.text("push.provider") == "log" else { return nil }
        var configuration = PushWorker.Configuration()
        configuration.privacy = PushPrivacy(rawValue: settings.text("push.privacy")) ?? configuration.privacy
        return PushWorker(
            queue: backend.pushQueue, ledger: backend.pushLedger, conversations: backend.conversations,
            settings: backend.notificationSettings, presence: backend.presence, devices: backend.devices,
            providers: providers + [try LogPushProvider(path: settings.text("push.log_file"), time: time)], time: time,
            configuration: configuration, logger: logger, createsFirst: createsFirst)
    }
}
