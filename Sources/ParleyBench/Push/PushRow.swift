import ParleyCore

/// A row of notifications.
enum PushRow: Hashable, Sendable {
    /// One prepared request to APNs' stand-in again and again, by so many at once: what the client's connections can do.
    case bare(callers: Int)
    /// A provider by itself.
    case provider(PushService, callers: Int)
    /// As much as so many workers can, messages of so many recipients each.
    case fullLoad(PushService, workers: Int, recipients: Int)
    /// One message at a time to so many devices of APNs.
    case largeGroup(recipients: Int, workers: Int)
    /// Notifications to APNs beside others to FCM, which answers or does not.
    case besideFCM(isStalled: Bool)

    /// The services of which there are stand-ins.
    static let networked: [PushService] = [.apns, .fcm, .webpush]

    static func limits(_ sizes: PushSizes) -> [PushRow] {
        [.bare(callers: sizes.callers)] + networked.map { .provider($0, callers: sizes.callers) }
    }

    static func throughWorkers(_ sizes: PushSizes) -> [PushRow] {
        let shapes = ([.log] + networked).flatMap { service in
            let small = [PushService.log, .apns].contains(service) ? [1] : []
            return (small + [sizes.groupRecipients]).map { (service, $0) }
        }
        let full = shapes.flatMap { service, recipients in
            [1, 2].map { PushRow.fullLoad(service, workers: $0, recipients: recipients) }
        }
        return full + [1, 2].map { .largeGroup(recipients: sizes.largeRecipients, workers: $0) }
    }

    var title: String {
        switch self {
        case .bare: "apns, one request again and again"
        case .provider(let service, _): "\(service.rawValue), the provider alone"
        case .fullLoad(let service, _, 1): "\(service.rawValue), messages to one recipient"
        case .fullLoad(let service, _, let recipients): "\(service.rawValue), messages to \(recipients) recipients"
        case .largeGroup(let recipients, _): "apns, a message to \(grouped(recipients)) recipients"
        case .besideFCM(let isStalled): "apns beside fcm that \(isStalled ? "stalls" : "answers")"
        }
    }

    /// Workers, or callers where there is none.
    var count: Int {
        switch self {
        case .bare(let callers), .provider(_, let callers): callers
        case .fullLoad(_, let workers, _), .largeGroup(_, let workers): workers
        case .besideFCM: 1
        }
    }

    var counted: String {
        switch self {
        case .bare, .provider: "callers"
        case .fullLoad, .largeGroup, .besideFCM: "workers"
        }
    }

    /// Notifications for each job.
    var perJob: Double? {
        switch self {
        case .bare, .provider, .besideFCM: nil
        case .fullLoad(_, _, let recipients): Double(recipients)
        case .largeGroup(let recipients, _): Double(recipients) / Double((recipients + PushJob.maxRecipients - 1) / PushJob.maxRecipients)
        }
    }
}
