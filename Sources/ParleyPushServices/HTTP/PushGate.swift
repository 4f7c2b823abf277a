import ParleyCore
import ParleyModel
import Synchronization

/// What a request has shown of its push service.
enum ServiceHealth: Equatable {
    /// It answers, be it with a refusal of the notification.
    case up
    /// It does not answer, or answers that it cannot work, or does not know us. The reason is for the operator.
    case down(reason: String)
    /// Nothing: it was not asked.
    case unknown
}

/// The door to a push service: a bounded number of requests under way, and none while the service is left alone.
final class PushGate: Sendable {
    enum Entry: Equatable {
        case entered
        case refused(after: Double, reason: String)
    }

    private struct State {
        var underWay = 0
        var breaker: CircuitBreaker
        var lastReason = ""
    }

    private let limits: PushServiceLimits
    private let time: any TimeSource
    private let state: Mutex<State>

    init(limits: PushServiceLimits, time: any TimeSource) {
        self.limits = limits
        self.time = time
        state = Mutex(State(breaker: CircuitBreaker(limits.breaker)))
    }

    /// Whoever entered must leave.
    func enter() -> Entry {
        let now = time.now()
        return state.withLock { state in
            guard state.underWay < limits.maxUnderWay else {
                return .refused(after: PushServiceLimits.fullSeconds, reason: "\(limits.maxUnderWay) requests are under way already")
            }
            switch state.breaker.admit(at: now) {
            case .refused(let seconds):
                return .refused(after: seconds, reason: "the push service is not asked for a while; its last failure: \(state.lastReason)")
            case .admitted:
                state.underWay += 1
                return .entered
            }
        }
    }

    /// Whether the service is left alone from now on.
    func leave(_ health: ServiceHealth) -> Bool {
        let now = time.now()
        return state.withLock { state in
            state.underWay -= 1
            switch health {
            case .up: state.breaker.succeeded()
            case .unknown: state.breaker.learntNothing(at: now)
            case .down(let reason):
                state.lastReason = reason
                return state.breaker.failed(at: now)
            }
            return false
        }
    }
}
