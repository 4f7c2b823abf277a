import Logging
import ParleyCore
import ServiceLifecycle

/// What notifies of messages that died with a connection.
struct SecondLookWiring {
    let keeper: AttendanceKeeper
    /// To be stopped after the connections, the last one first.
    let services: [any Service]

    /// Nil where no notifications are sent.
    init?(
        _ settings: Settings, _ backend: Backend, node: NodeID, jobs: PushJobs, _ time: any TimeSource, _ logger: Logger
    ) {
        guard settings.text("push.provider") != "none" else { return nil }
        let delay = Double(settings.number("push.second_look_seconds"))
        var keeping = AttendanceKeeper.Configuration()
        keeping.delaySeconds = delay
        keeper = AttendanceKeeper(backend.attendances, node: node, timeSource: time, configuration: keeping, logger: logger)
        var looking = SecondLooks.Configuration()
        looking.pauseSeconds = min(looking.pauseSeconds, delay / 2)
        // Until then the leases that a lost node had on its users have ended.
        looking.lostNodesDelaySeconds = max(delay, PresenceLease.seconds + looking.pauseSeconds)
        let looks = SecondLooks(
            backend.attendances, presence: backend.presence, messages: backend.messages, jobs: jobs, timeSource: time,
            configuration: looking, logger: logger)
        services = [looks, keeper]
    }
}
