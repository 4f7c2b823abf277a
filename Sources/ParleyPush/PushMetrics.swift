import CoreMetrics
import ParleyCore
import ParleyModel
import Synchronization

/// What an operator sees of the worker.
struct PushMetrics: Sendable {
    private let notifications: [String: [String: Counter]]
    private let failures: PushFailureCounters
    private let latencies: [String: Timer]
    private let drops: [DropReason: Counter]
    private let jobs: [String: Counter]
    private let takeBacks: [String: Counter]

    init(providers: [String]) {
        notifications = Dictionary(
            providers.map { provider in
                let counters = Self.counters(
                    "parley_push_notifications_total", [("provider", provider)], "outcome",
                    ["accepted", "retry", "unanswered", "rejected", "device_gone", "put_back", "not_reached", "not_taken"])
                return (provider, counters)
            }, uniquingKeysWith: { $1 })
        failures = PushFailureCounters()
        // Seconds to minutes: what is tried again comes late, and is what one looks for.
        latencies = Dictionary(
            providers.map { provider in
                let timer = Timer(
                    label: "parley_push_accepted_seconds", dimensions: [("provider", provider)], preferredDisplayUnit: .seconds)
                return (provider, timer)
            }, uniquingKeysWith: { $1 })
        drops = Dictionary(
            uniqueKeysWithValues: DropReason.allCases.map { reason in
                (reason, Counter(label: "parley_push_dropped_total", dimensions: [("reason", reason.rawValue)]))
            })
        jobs = Self.counters("parley_push_jobs_total", [], "outcome", ["done", "retried", "returned", "dead"])
        takeBacks = Self.counters("parley_push_take_backs_total", [], "outcome", ["done", "retried"])
    }

    /// Made beforehand, so that a series stands at 0 before its first event.
    private static func counters(
        _ label: String, _ dimensions: [(String, String)], _ dimension: String, _ values: [String]
    ) -> [String: Counter] {
        Dictionary(uniqueKeysWithValues: values.map { ($0, Counter(label: label, dimensions: dimensions + [(dimension, $0)])) })
    }

    /// Alerts also by how long it took from the message's creation until the push service had them.
    func count(_ fate: PushFate, provider: String, _ notification: PushNotification, at now: Timestamp) {
        notifications[provider]?[fate.outcome]?.increment()
        switch fate {
        case .answered(.accepted):
            guard case .message(let message) = notification.content else { return }
            latencies[provider]?.recordMilliseconds(max(0, now.milliseconds - message.createdAt.milliseconds))
        case .answered(.retry(_, let reason)), .answered(.unanswered(_, let reason)), .answered(.rejected(let reason)):
            failures.count(provider: provider, outcome: fate.outcome, reason: reason)
        case .answered(.deviceGone), .putBack, .notReached: break
        }
    }

    /// What devices are not told because their push service takes nothing silent.
    func countUntold(_ counts: [String: Int]) {
        for (provider, count) in counts { notifications[provider]?["not_taken"]?.increment(by: Int64(count)) }
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

    func countTakeBacks(_ results: some Sequence<TakeBackResult>) {
        for result in results {
            switch result {
            case .done: takeBacks["done"]?.increment()
            case .retry: takeBacks["retried"]?.increment()
            }
        }
    }
}

extension PushFate {
    fileprivate var outcome: String {
        switch self {
        case .answered(.accepted): "accepted"
        case .answered(.retry): "retry"
        case .answered(.unanswered): "unanswered"
        case .answered(.rejected): "rejected"
        case .answered(.deviceGone): "device_gone"
        case .putBack: "put_back"
        case .notReached: "not_reached"
        }
    }
}

/// Counts failures by the providers' own reasons. These are few words in practice; what goes beyond a bound counts as `other`, so
/// that no provider can make series without end.
final class PushFailureCounters: Sendable {
    struct Labels: Hashable {
        let provider: String
        let outcome: String
        let reason: String
    }

    static let maxReasons = 100
    private static let maxLength = 60

    private let counters = Mutex<[Labels: Counter]>([:])

    func count(provider: String, outcome: String, reason: String) { counter(provider, outcome, reason).increment() }

    private func counter(_ provider: String, _ outcome: String, _ reason: String) -> Counter {
        counters.withLock { counters in
            var labels = Labels(provider: provider, outcome: outcome, reason: String(reason.prefix(Self.maxLength)))
            if let known = counters[labels] { return known }
            if counters.count >= Self.maxReasons { labels = Labels(provider: provider, outcome: outcome, reason: "other") }
            let counter =
                counters[labels]
                ?? Counter(
                    label: "parley_push_failures_total",
                    dimensions: [("provider", labels.provider), ("outcome", labels.outcome), ("reason", labels.reason)])
            counters[labels] = counter
            return counter
        }
    }

    /// For tests.
    var labels: Set<Labels> { counters.withLock { Set($0.keys) } }
}
