public import Logging
public import ParleyCore
import ParleyModel

/// Everything a connection that hears events needs of the rest.
public struct GatewayServices: Sendable {
    public let messages: MessageService
    public let markers: MarkerService
    public let typing: TypingService
    public let presence: PresenceService
    public let resume: ResumeService
    public let verifier: any TokenVerifier
    public let messageLimiter: RateLimiter?
    public let timeSource: any TimeSource
    public let configuration: GatewayConfiguration
    public let logger: Logger
    /// Connections that are let in, or whose conversations are read, at once.
    let turns = Turns(32)

    public init(
        messages: MessageService, markers: MarkerService, typing: TypingService, presence: PresenceService, resume: ResumeService,
        verifier: any TokenVerifier, messageLimiter: RateLimiter?, timeSource: any TimeSource,
        configuration: GatewayConfiguration = .init(), logger: Logger
    ) {
        self.messages = messages
        self.markers = markers
        self.typing = typing
        self.presence = presence
        self.resume = resume
        self.verifier = verifier
        self.messageLimiter = messageLimiter
        self.timeSource = timeSource
        self.configuration = configuration
        self.logger = logger
    }
}

extension GatewayServices {
    /// Writes down a failure of the server's own, which the client is only told of in general terms.
    func note(_ error: ParleyError, _ what: String) {
        guard error.code.status >= 500 else { return }
        logger.warning("\(what)", metadata: ["code": "\(error.code.rawValue)", "cause": "\(error.cause ?? error.detail)"])
    }

    /// The server's first words on a connection.
    func hello(to user: UserID?) -> Hello {
        Hello(
            session: String(UInt64.random(in: .min ... .max), radix: 36), userID: user,
            heartbeatIntervalMilliseconds: Int64(configuration.heartbeatSeconds) * 1000, limits: configuration.limits,
            serverTime: timeSource.now())
    }
}

/// Subscribing, the same for sockets and streams. It subscribes first and reads then, so that nothing falls in between:
/// the connection listens from the plan's numbers on, and what happened while the plan was made is asked for afterwards.
extension GatewayServices {
    /// The plan for a subscriber; what happens to its conversations from here on counts. Nil when the connection has
    /// ended, or subscribes already.
    func plan(_ request: ResumeRequest, for subscriber: Subscriber) async throws(ParleyError) -> ResumePlan? {
        guard await subscriber.part.loop.run({ subscriber.beginLoading() }) else { return nil }
        do throws(ParleyError) {
            return try await turns.take { () async throws(ParleyError) in try await resume.plan(for: subscriber.user, request) }
        } catch {
            subscriber.part.onLoop { subscriber.abandonLoading() }
            throw error
        }
    }

    /// What is left to do once the subscriber listens.
    func complete(_ plan: ResumePlan, _ request: ResumeRequest, for subscriber: Subscriber) async throws(ParleyError) {
        do { try await subscriber.part.learnNewest(after: plan.cursor.mark) } catch { throw ParleyError(error) }
        let changes = try await turns.take { () async throws(ParleyError) in
            try await resume.changes(of: subscriber.user, request, plan)
        }
        subscriber.part.onLoop { subscriber.tell(changes, cursor: plan.cursor) }
    }
}
