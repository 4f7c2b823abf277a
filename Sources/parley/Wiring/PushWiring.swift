import Logging
import ParleyCore
import ParleyModel
import ParleyPush

/// Picks the push providers.
enum PushWiring {
    /// Nil when notifications are switched off.
    static func services(_ settings: Settings, _ time: any TimeSource) throws -> PushServices? {
        guard settings.text("push.provider") == "log" else { return nil }
        return try PushServices(settings, time: time)
    }

    /// Each kind of device goes to its push service, and to the log what no other serves.
    static func worker(
        _ providers: [any PushProvider], _ settings: Settings, _ backend: Backend, _ time: any TimeSource, _ createsFirst: CreatesFirst,
        _ logger: Logger
    ) throws -> PushWorker {
        var configuration = PushWorker.Configuration()
        configuration.privacy = PushPrivacy(rawValue: settings.text("push.privacy")) ?? configuration.privacy
        let log = try log(settings, time)
        return PushWorker(
            queue: backend.pushQueue, ledger: backend.pushLedger, conversations: backend.conversations,
            settings: backend.notificationSettings, presence: backend.presence, devices: backend.devices,
            providers: providers + [log], time: time, configuration: configuration, logger: logger, createsFirst: createsFirst)
    }

    static func log(_ settings: Settings, _ time: any TimeSource) throws(Failure) -> LogPushProvider {
        do { return try LogPushProvider(path: settings.text("push.log_file"), time: time) } catch {
            throw Failure("push.log_file: \(error).")
        }
    }
}
