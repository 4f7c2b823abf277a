/// What a push service may take of this process.
public struct PushServiceLimits: Sendable, Equatable {
    /// From the first byte of a notification to its answer, second try and renewed credential included.
    public var answerSeconds = 10.0
    /// To have a connection: name looked up, TCP and TLS.
    public var connectSeconds = 5.0
    /// Further notifications are answered with `retry` at once.
    public var maxUnderWay = 512
    /// Failures in a row after which the service is left alone for a while.
    public var maxFailures = 10
    /// How long, the first time; twice as long each time after that, up to `maxPauseSeconds`.
    public var pauseSeconds = 5.0
    public var maxPauseSeconds = 60.0
    /// An answer's body may not be larger.
    public var maxAnswerBytes = 65_536

    public init() {}

    /// What those are told that found all places taken.
    static let fullSeconds = 1.0

    var breaker: CircuitBreaker.Configuration {
        CircuitBreaker.Configuration(
            maxFailures: maxFailures, openSeconds: pauseSeconds, maxOpenSeconds: maxPauseSeconds, probeSeconds: answerSeconds * 3)
    }
}
