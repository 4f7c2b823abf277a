import ParleyModel

/// A client's side of the protocol, over as many connections as it takes: what happened in, what to do out. It holds no
/// socket, no clock and no task; times are milliseconds of any one clock.
///
/// Each method returns actions, to be carried out in their order.
struct ClientStateMachine: Sendable {
    struct Options: Sendable {
        var replayLimit: Int64?
        var conversationIDs: [ConversationID]?
        var acknowledgesDelivery = true
        var outboxLimit = 1000
        var backoffBaseMilliseconds: Int64 = 500
        var backoffMaxMilliseconds: Int64 = 30_000
        /// From an open connection to an accepted token.
        var handshakeMilliseconds: Int64 = 15_000
        /// A connection that was live this long counts as a success: the next attempt comes soon.
        var steadyMilliseconds: Int64 = 5000
    }

    enum Action: Sendable, Equatable {
        /// Open a connection after that time; `freshToken` asks for one that was not used before.
        case connect(afterMilliseconds: Int64, freshToken: Bool)
        case send([UInt8])
        case deliver(Event)
        case fulfil(Ticket, Result<Answer, ClientError>)
        case state(ConnectionState)
        /// Close the connection; ``closed(_:reason:at:)`` is to follow.
        case close
        /// It is over. Nothing follows.
        case stop(ClientError)
    }

    /// What a caller gets.
    enum Answer: Sendable, Equatable {
        case sent(EnrichedMessage)
        case read(ReadState)
        case presence([UserID: PresenceState])
    }

    enum Phase: Sendable, Equatable {
        case idle, connecting
        /// Open; the server speaks first.
        case greeting(token: String)
        case authenticating, subscribing, catchingUp, live
        /// Closed from this side; the news of it is to come.
        case closing(String)
        case stopped
    }

    /// What a command's answer is for.
    enum Awaited: Sendable, Equatable {
        case authenticate
        case subscribe(isLast: Bool)
        case request
        case delivered(ConversationID, Int64)
        case activity
        /// Nobody waits for it: typing, watching presence again.
        case nothing
    }

    static let defaultHeartbeatMilliseconds: Int64 = 25_000
    static let defaultPositionsPerCommand = 1000

    let options: Options
    var phase = Phase.idle
    var resume: ResumeState
    var user: UserID?
    var outbox: Outbox
    var acks = DeliveredAcks()
    var activity = ActivityNews()
    var watched: [UserID]?
    var awaited: [Int64: Awaited] = [:]
    var budget = CommandBudget(serverLimit: 50, at: 0)
    var backoff: Backoff
    var positionsPerCommand = defaultPositionsPerCommand
    /// Bytes of a frame that the server takes.
    var maxFrameBytes = Int.max

    private var nextCommandID: Int64 = 1
    private var heartbeatMilliseconds = defaultHeartbeatMilliseconds
    private var openedAt: Int64 = 0
    private var heardAt: Int64 = 0
    private var liveSince: Int64?
    /// What `going_away` asked for.
    private var askedDelay: Int64?
    var needsFreshToken = true
    /// The cursor was refused, and no subscription has been answered since.
    var hasLostCursor = false

    init(resume: ResumeState = ResumeState(), options: Options = Options(), seed: UInt64) {
        self.resume = resume
        self.options = options
        outbox = Outbox(limit: options.outboxLimit)
        backoff = Backoff(
            baseMilliseconds: options.backoffBaseMilliseconds, maxMilliseconds: options.backoffMaxMilliseconds, seed: seed)
    }

    // MARK: The life of connections

    mutating func start() -> [Action] {
        guard phase == .idle else { return [] }
        phase = .connecting
        return [.state(.connecting), .connect(afterMilliseconds: 0, freshToken: true)]
    }

    /// A connection is open. The server greets, and then gets the token.
    mutating func opened(token: String, at now: Int64) -> [Action] {
        guard phase == .connecting else { return [] }
        phase = .greeting(token: token)
        needsFreshToken = false
        awaited = [:]
        heartbeatMilliseconds = Self.defaultHeartbeatMilliseconds
        openedAt = now
        heardAt = now
        return []
    }

    mutating func greeted(_ hello: Hello, at now: Int64) -> [Action] {
        guard case .greeting(let token) = phase else { return fail("a second hello") }
        heartbeatMilliseconds = max(1000, hello.heartbeatIntervalMilliseconds)
        positionsPerCommand = Int(max(1, hello.limits.positions))
        maxFrameBytes = Int(hello.limits.frameBytes)
        budget = CommandBudget(serverLimit: hello.limits.commandsPerSecond, at: now)
        phase = .authenticating
        return [.deliver(.hello(hello)), .send(CommandText.authenticate(command(.authenticate), token: token))]
    }

    mutating func subscribed(at now: Int64) -> [Action] {
        phase = .catchingUp
        var actions: [Action] = hasLostCursor ? [.state(.startingAnew)] : []
        hasLostCursor = false
        actions.append(.state(.catchingUp))
        if let watched { actions.append(.send(CommandText.request(command(.nothing), .presence(watched)))) }
        return actions + flush(at: now)
    }

    mutating func caughtUp(at now: Int64) -> [Action] {
        guard phase == .catchingUp else { return [] }
        phase = .live
        liveSince = now
        return [.state(.live)]
    }

    mutating func goingAway(after milliseconds: Int64) { askedDelay = min(max(0, milliseconds), 300_000) }

    /// The connection has ended, or could not be made. `code` is the server's; nil when it said none.
    mutating func closed(_ code: UInt16?, reason: String, at now: Int64) -> [Action] {
        if case .closing(let cause) = phase { return lost(cause, at: now) }
        switch phase {
        case .idle, .stopped: return []
        default: break
        }
        if let code, (4500...4999).contains(code) { return stop(.closed(code: code, reason: reason)) }
        if code == 4004 { needsFreshToken = true }
        return lost(code.map { "\($0) \(reason)" } ?? reason, at: now)
    }

    private mutating func lost(_ reason: String, at now: Int64) -> [Action] {
        if let liveSince, now - liveSince >= options.steadyMilliseconds { backoff.reset() }
        liveSince = nil
        awaited = [:]
        outbox.connectionLost()
        acks.connectionLost()
        activity.connectionLost()
        let delay = askedDelay ?? backoff.next()
        askedDelay = nil
        phase = .connecting
        return [.state(.waiting(milliseconds: delay, reason: reason)), .connect(afterMilliseconds: delay, freshToken: needsFreshToken)]
    }

    // MARK: Time

    /// Something came from the server, or could not come because this side was not reading.
    mutating func heard(at now: Int64) { heardAt = now }

    /// Time passes; to be called several times a second while a connection is open.
    mutating func tick(at now: Int64) -> [Action] {
        switch phase {
        case .idle, .connecting, .stopped, .closing: return []
        case .greeting, .authenticating:
            guard now - openedAt > options.handshakeMilliseconds else { return [] }
            return close("no answer to the handshake")
        case .subscribing, .catchingUp, .live:
            guard now - heardAt <= 2 * heartbeatMilliseconds else { return close("nothing heard for two heartbeats") }
            return flush(at: now)
        }
    }

    mutating func close(_ cause: String) -> [Action] {
        phase = .closing(cause)
        return [.close]
    }

    // MARK: Ends

    /// The owner ends it.
    mutating func end() -> [Action] {
        phase = .stopped
        return fulfilAll(.ended) + [.state(.stopped)]
    }

    mutating func stop(_ error: ClientError) -> [Action] {
        phase = .stopped
        return fulfilAll(error) + [.state(.stopped), .stop(error)]
    }

    mutating func fail(_ detail: String) -> [Action] { stop(.notUnderstood(detail)) }

    private mutating func fulfilAll(_ error: ClientError) -> [Action] {
        outbox.clear().map { .fulfil($0, .failure(error)) }
    }

    mutating func command(_ awaits: Awaited) -> Int64 {
        defer { nextCommandID += 1 }
        awaited[nextCommandID] = awaits
        return nextCommandID
    }
}
