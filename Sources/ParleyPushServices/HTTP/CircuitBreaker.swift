import ParleyModel

/// Whether a push service is asked at all: after failures in a row it is left alone for a while, then asked by one request.
///
/// So a service that is down costs its notifications no time, and is not met by everything at once when it comes back.
struct CircuitBreaker: Equatable {
    struct Configuration: Sendable, Equatable {
        /// In a row, without a success in between.
        var maxFailures = 10
        /// How long it is left alone the first time; twice as long each time after that.
        var openSeconds = 5.0
        var maxOpenSeconds = 60.0
        /// A probe of which nothing has been heard for so long does not hold up the next.
        var probeSeconds = 30.0
    }

    enum State: Equatable {
        case closed(failures: Int)
        case open(from: Timestamp, seconds: Double)
        case probing(from: Timestamp, seconds: Double)
    }

    enum Admission: Equatable {
        case admitted
        case refused(seconds: Double)
    }

    let configuration: Configuration
    private(set) var state = State.closed(failures: 0)

    init(_ configuration: Configuration) { self.configuration = configuration }

    mutating func admit(at now: Timestamp) -> Admission {
        switch state {
        case .closed: return .admitted
        case .open(let from, let seconds):
            let rest = remaining(of: seconds, from: from, at: now)
            guard rest <= 0 else { return .refused(seconds: rest) }
            state = .probing(from: now, seconds: seconds)
            return .admitted
        case .probing(let from, let seconds):
            let rest = remaining(of: configuration.probeSeconds, from: from, at: now)
            // The probe says more within a moment, which is not known: those who are refused come back after the usual one.
            guard rest <= 0 else { return .refused(seconds: min(seconds, configuration.openSeconds)) }
            state = .probing(from: now, seconds: seconds)
            return .admitted
        }
    }

    /// A clock that was set back does not prolong anything.
    private func remaining(of seconds: Double, from: Timestamp, at now: Timestamp) -> Double {
        now < from ? 0 : seconds - now.seconds(since: from)
    }

    /// The service has answered, whatever it said of the notification.
    mutating func succeeded() { state = .closed(failures: 0) }

    /// Whether it opens by this.
    mutating func failed(at now: Timestamp) -> Bool {
        switch state {
        case .closed(let failures) where failures + 1 < configuration.maxFailures:
            state = .closed(failures: failures + 1)
            return false
        case .closed:
            state = .open(from: now, seconds: configuration.openSeconds)
            return true
        case .probing(_, let seconds):
            state = .open(from: now, seconds: min(seconds * 2, configuration.maxOpenSeconds))
            return true
        case .open: return false
        }
    }

    /// A request that says nothing of the service has ended. If it was the probe, the next request is one.
    mutating func learntNothing(at now: Timestamp) {
        if case .probing(_, let seconds) = state { state = .open(from: now.advanced(bySeconds: -seconds), seconds: seconds) }
    }
}
