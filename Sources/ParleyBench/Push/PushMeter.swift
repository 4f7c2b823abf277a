import ParleyCore
import ParleyModel
import ParleyPush
import Synchronization

/// Hears what a push service has accepted: how much, and how long after the message was created.
final class PushMeter: Sendable {
    private struct State {
        var queued = 0
        var accepted = 0
        var histogram: LatencyHistogram?
        var since = ContinuousClock.now
        var failure: BenchError?
    }

    private let state = Mutex(State())

    func queued(_ count: Int) { state.withLock { $0.queued += count } }

    /// Told of every answer. One that cannot be followed by another is a failure: everything that is sent here is right.
    func heard(_ answer: PushAnswer, to notification: PushNotification, at now: Timestamp) {
        state.withLock { state in
            switch answer {
            case .accepted:
                state.accepted += 1
                guard case .message(let message) = notification.content else { return }
                state.histogram?.record(nanoseconds: (now.milliseconds - message.createdAt.milliseconds) * 1_000_000)
            case .rejected(let reason): state.failure = state.failure ?? .notAccepted(reason)
            case .deviceGone: state.failure = state.failure ?? .notAccepted("the device is gone")
            case .retry, .unanswered: break
            }
        }
    }

    /// Queued and not accepted yet. Throws once something was refused.
    func open() throws -> Int {
        try state.withLock { state in
            if let failure = state.failure { throw failure }
            return state.queued - state.accepted
        }
    }

    var accepted: Int { state.withLock { $0.accepted } }
    var measuredCount: Int64 { state.withLock { $0.histogram?.count ?? 0 } }

    func beginMeasuring() {
        state.withLock { state in
            state.histogram = LatencyHistogram()
            state.since = .now
        }
    }

    func endMeasuring() -> (histogram: LatencyHistogram, seconds: Double) {
        state.withLock { state in
            let seconds = Double((ContinuousClock.now - state.since).nanoseconds) / 1e9
            return (state.histogram.take() ?? LatencyHistogram(), seconds)
        }
    }
}

/// A provider whose answers are heard.
struct MeteredPushProvider: PushProvider {
    let provider: any PushProvider
    let meter: PushMeter
    let time: any TimeSource

    var name: String { provider.name }
    var deviceKinds: Set<DeviceKind> { provider.deviceKinds }
    var deliversWithoutDevice: Bool { provider.deliversWithoutDevice }
    var takesReads: Bool { provider.takesReads }

    func send(_ notification: PushNotification) async -> PushAnswer {
        let answer = await provider.send(notification)
        meter.heard(answer, to: notification, at: time.now())
        return answer
    }
}
