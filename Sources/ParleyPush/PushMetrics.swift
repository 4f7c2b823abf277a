import CoreMetrics
import ParleyCore

/// What an operator sees of the worker.
struct PushMetrics: Sendable {
    private let notifications: [String: [String: Counter]]
    private let drops: [DropReason: Counter]
    private let jobs: [String: Counter]

    init(providers: [String]) {
        notifications = Dictionary(
            providers.map { provider in
                let counters = Self.counters(
                    "parley_push_notifications_total", [("provider", provider)], "outcome",
                    ["accepted", "retry", "rejected", "device_gone"])
                return (provider, counters)
            }, uniquingKeysWith: { $1 })
        drops = Dictionary(
            uniqueKeysWithValues: DropReason.allCases.map { reason in
                (reason, Counter(label: "parley_push_dropped_total", dimensions: [("reason", reason.rawValue)]))
            })
        jobs = Self.counters("parley_push_jobs_total", [], "outcome", ["done", "retried", "returned", "dead"])
    }

    /// Made beforehand, so that a series stands at 0 before its first event.
    private static func counters(
        _ label: String, _ dimensions: [(String, String)], _ dimension: String, _ values: [String]
    ) -> [String: Counter] {
        Dictionary(uniqueKeysWithValues: values.map { ($0, Counter(label: label, dimensions: dimensions + [(dimension, $0)])) })
    }

    func countNotification(provider: String, _ answer: PushAnswer) {
        let outcome =
            switch answer {
            case .accepted: "accepted"
            case .retry: "retry"
            case .rejected: "rejected"
            case .deviceGone: "device_gone"
            }
        notifications[provider]?[outcome]?.increment()
    }

    func countDrops(_ counts: [DropReason: Int]) {
        for (reason, count) in counts { drops[reason]?.increment(by: Int64(count)) }
    }

    func countJobs(_ results: some Sequence<PushJobResult>) {
        for result in results {
            let outcome =
                switch result {
                case .done: "done"
                case .retry: "retried"
                case .returned: "returned"
                case .dead: "dead"
                }
            jobs[outcome]?.increment()
        }
    }
}
