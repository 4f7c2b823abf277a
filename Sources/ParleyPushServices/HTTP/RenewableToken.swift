import ParleyCore
import ParleyModel
import Synchronization

/// A credential that ends: made anew before it does, one renewal at a time for all who ask, and less and less often while
/// renewals fail.
final class RenewableToken: Sendable {
    struct Token: Sendable, Equatable {
        let text: String
        let madeAt: Timestamp
        /// From then on a new one is made, while this one is still used.
        let renewAt: Timestamp
        /// From then on this one is not used.
        let endsAt: Timestamp
    }

    struct Failure: Error, Equatable {
        let after: Double?
        let reason: String
    }

    struct Rules: Sendable {
        /// A token that the service refuses is not replaced sooner after it was made.
        var minSecondsBetween: Double
        /// The wait after a first failed renewal; twice as long after each further one.
        var backoffSeconds = 1.0
        var maxBackoffSeconds = 300.0
    }

    private struct State {
        var token: Token?
        /// Owned by those who wait for it; `make` bounds its time.
        var renewal: Task<Result<String, Failure>, Never>?
        var failures = 0
        var failedAt = Timestamp(milliseconds: 0)
        var lastFailure = Failure(after: nil, reason: "")
    }

    private enum Step {
        case use(String)
        case wait(Task<Result<String, Failure>, Never>)
        case fail(Failure)
    }

    private let rules: Rules
    private let time: any TimeSource
    private let make: @Sendable (Timestamp) async -> Result<Token, Failure>
    private let state = Mutex(State())

    init(rules: Rules, time: any TimeSource, make: @escaping @Sendable (Timestamp) async -> Result<Token, Failure>) {
        self.rules = rules
        self.time = time
        self.make = make
    }

    /// Waits only when there is no token that can be used.
    func current() async -> Result<String, Failure> {
        let now = time.now()
        switch state.withLock({ step(&$0, at: now) }) {
        case .use(let text): return .success(text)
        case .wait(let renewal): return await renewal.value
        case .fail(let failure): return .failure(failure)
        }
    }

    private func step(_ state: inout State, at now: Timestamp) -> Step {
        if let token = state.token, now < token.renewAt { return .use(token.text) }
        let usable = state.token.flatMap { now < $0.endsAt ? $0.text : nil }
        let pause = pause(state, at: now)
        if pause > 0 { return usable.map(Step.use) ?? .fail(Failure(after: pause, reason: state.lastFailure.reason)) }
        let renewal = state.renewal ?? Task { await self.renew(at: now) }
        state.renewal = renewal
        return usable.map(Step.use) ?? .wait(renewal)
    }

    /// Seconds in which no renewal is begun. A clock that was set back ends it.
    private func pause(_ state: State, at now: Timestamp) -> Double {
        guard state.failures > 0, now >= state.failedAt else { return 0 }
        let doubled = rules.backoffSeconds * Double(1 << min(state.failures - 1, 30))
        return max(min(doubled, rules.maxBackoffSeconds), state.lastFailure.after ?? 0) - now.seconds(since: state.failedAt)
    }

    private func renew(at now: Timestamp) async -> Result<String, Failure> {
        let made = await make(now)
        let ended = time.now()
        return state.withLock { state in
            state.renewal = nil
            switch made {
            case .success(let token):
                state.token = token
                state.failures = 0
                return .success(token.text)
            case .failure(let failure):
                state.failures += 1
                state.failedAt = ended
                state.lastFailure = failure
                return .failure(Failure(after: pause(state, at: ended), reason: failure.reason))
            }
        }
    }

    /// The service refuses this token. Whether there is, or may be, another one to try with.
    func refuse(_ text: String) -> Bool {
        let now = time.now()
        return state.withLock { state in
            guard let token = state.token, token.text == text else { return true }
            // The distance, so that a clock that was set back does not keep a wrong token for long.
            guard abs(now.seconds(since: token.madeAt)) >= rules.minSecondsBetween else { return false }
            state.token = nil
            return true
        }
    }
}
