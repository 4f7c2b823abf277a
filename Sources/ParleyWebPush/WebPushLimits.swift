/// What the provider may take up. Every wait and every amount has a limit (P8).
public struct WebPushLimits: Sendable, Equatable {
    /// Requests under way at all push services together.
    public var maxUnderWay = 256
    /// Requests under way at a push service that nothing is known of.
    public var firstUnderWayPerOrigin = 8
    /// Requests under way at a push service that answers well.
    public var maxUnderWayPerOrigin = 64
    /// Notifications that wait for a push service. Further ones are answered with `retry`.
    public var maxWaitingPerOrigin = 512
    public var maxWaiting = 2048
    /// How long a notification waits for its turn.
    public var waitingSeconds = 10.0
    /// From the connection to the end of the answer.
    public var requestSeconds = 10.0
    public var connectSeconds = 5.0
    /// Failures in a row after which nothing is sent to a push service for a while.
    public var failuresToClose = 5
    /// The first such while; it doubles with each failure that follows it.
    public var closedSeconds = 5.0
    public var maxClosedSeconds = 120.0
    /// After how many seconds to try again when there is no room.
    public var fullSeconds = 1.0
    /// Push services whose standing is kept.
    public var maxOrigins = 1024
    /// How much of an answer's body is read, for its reason.
    public var maxAnswerBytes = 2048
    /// Plaintexts are filled up to a multiple of this, so that their length tells little of the message.
    public var paddingBytes = 256

    public init() {}
}
