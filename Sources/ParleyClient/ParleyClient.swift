public import AsyncHTTPClient
import NIOCore
public import NIOSSL
public import ParleyModel

/// A user's connection to a Parley server: sends, hears, reconnects and catches up by itself.
///
///     let client = try ParleyClient(.init(url: "https://chat.example.com") { try await freshToken() })
///     try await withThrowingTaskGroup { group in
///         group.addTask { try await client.run() }
///         group.addTask { for await event in client.events { print(event) } }
///         try await client.send(OutgoingMessage(to: conversation, "Hello"))
///     }
///
/// The owner of the task that calls ``run()`` owns the connection: it lives as long as that call. Calls over the socket
/// (``send(_:)``, ``markRead(_:through:)``, ``watchPresence(of:)``) may be made at any time before and during it, and wait
/// for a connection. Calls over REST need no ``run()``.
public actor ParleyClient {
    public struct Configuration: Sendable {
        /// `http://host[:port][/path]` or `https://…`.
        public var url: String
        /// Gives the user's token. Asked at first, and again when the server says that the token has expired. An error
        /// counts as a failed attempt to connect: it is asked again after a while. It is asked once at a time; the
        /// connection and the REST calls that need a token wait for the same answer.
        public var token: @Sendable () async throws -> String
        /// Where an earlier client stopped reading; without it only what happens from now on is told.
        public var resume = ResumeState()
        /// When more messages than this were missed in a conversation, they are not told; a `skipped` event says which.
        public var replayLimit: Int64?
        /// Only these conversations instead of all; an empty list is none. Any number may be named, and goes in as many
        /// commands as the server's limits ask for. The user may be in as many of them as the server's
        /// `limits.subscriptions` says: of more, ``ParleyClient/run()`` throws ``ClientError/refused(_:)`` with
        /// ``ErrorCode/tooManySubscriptions``.
        public var conversationIDs: [ConversationID]?
        /// Whether the server is told what has arrived, at most once a second for each conversation.
        public var acknowledgesDelivery = true
        /// Calls that may wait for the connection or an answer; more fail with ``ClientError/outboxFull``. Calls of
        /// ``ParleyClient/markRead(_:through:)`` that wait to be sent for one conversation count as one.
        public var outboxLimit = 1000
        /// Events that may wait to be read; see ``ParleyClient/Events``.
        public var maxBufferedEvents = 1000
        /// The longest message from the server that is read.
        public var maxMessageBytes = 1 << 20
        /// For opening a connection, and for each REST call.
        public var timeoutSeconds: Int64 = 15
        /// The longest pause between two attempts to connect.
        public var maxBackoffSeconds: Int64 = 30
        /// For sockets to `https` addresses.
        public var tls = TLSConfiguration.makeClientConfiguration()
        /// For REST calls. It is not shut down here.
        public var httpClient = HTTPClient.shared

        public init(url: String, token: @escaping @Sendable () async throws -> String) {
            self.url = url
            self.token = token
        }
    }

    /// What the server tells; to be read by someone all the time.
    public nonisolated let events: Events
    /// How the connection is; the latest few are kept for a slow reader. It ends when ``run()`` does.
    public nonisolated let states: AsyncStream<ConnectionState>

    nonisolated let rest: RESTClient
    let configuration: Configuration
    let connector: WebSocketConnector
    let tokens: TokenKeeper
    nonisolated let buffer: EventBuffer
    let statesContinuation: AsyncStream<ConnectionState>.Continuation

    var machine: ClientStateMachine
    var channel: (any Channel)?
    var nextConnect: (delay: Int64, freshToken: Bool)?
    var failure: ClientError?
    /// The socket is not read, as there is no room for events.
    var isBlocked = false
    private var hasRun = false
    private var nextTicket: Ticket = 1
    private var waiting: [Ticket: CheckedContinuation<ClientStateMachine.Answer, any Error>] = [:]

    /// Throws ``ClientError/invalidAddress(_:)`` for a URL that is none, or what NIOSSL says of `tls`. Connects nowhere yet.
    public init(_ configuration: Configuration) throws {
        let address = try ServerAddress(configuration.url)
        self.configuration = configuration
        connector = try WebSocketConnector(
            address: address, maxMessageBytes: configuration.maxMessageBytes, connectSeconds: configuration.timeoutSeconds,
            tls: configuration.tls)
        tokens = TokenKeeper(configuration.token)
        rest = RESTClient(
            address: address, http: configuration.httpClient, tokens: tokens, timeoutSeconds: configuration.timeoutSeconds)
        buffer = EventBuffer(limit: configuration.maxBufferedEvents, resume: configuration.resume)
        events = Events(buffer: buffer)
        (states, statesContinuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
        machine = ClientStateMachine(
            resume: configuration.resume, options: .init(configuration), seed: UInt64.random(in: .min ... .max))
    }

    /// How far ``events`` have been read, to go on from in the next run of the program. An event counts as read when the
    /// next one is asked for: after a crash the last one may come again, but none is left out.
    public nonisolated var resumeState: ResumeState { buffer.resumeState }

    /// Whose token it is, once a server has said so: known when ``states`` says ``ConnectionState/live`` for the first time.
    public var user: UserID? { machine.user }

    // MARK: Running

    /// Connects, and connects again, until the task is cancelled; then it returns. Throws when going on makes no sense:
    /// ``ClientError/closed(code:reason:)``, ``ClientError/refused(_:)``, ``ClientError/notUnderstood(_:)``. To be called
    /// once.
    public func run() async throws(ClientError) {
        guard !hasRun else { throw .alreadyRunning }
        hasRun = true
        carryOut(machine.start())
        await withDiscardingTaskGroup { group in
            group.addTask { await self.keepTime() }
            await keepConnected()
            group.cancelAll()
        }
        if failure == nil { carryOut(machine.end()) }
        buffer.finish()
        statesContinuation.finish()
        if let failure { throw failure }
    }

    func carryOut(_ actions: [ClientStateMachine.Action]) {
        for action in actions {
            switch action {
            case .connect(let delay, let freshToken): nextConnect = (delay, freshToken)
            case .send(let text): write(text)
            case .deliver(let event): buffer.add(event)
            case .fulfil(let ticket, let result):
                waiting.removeValue(forKey: ticket)?.resume(with: result.mapError { $0 as any Error })
            case .state(let state): statesContinuation.yield(state)
            case .close: channel?.close(promise: nil)
            case .stop(let error):
                failure = error
                channel?.close(promise: nil)
            }
        }
    }

    // MARK: Asking over the socket

    /// Sends a message and returns it as it was stored: durable, with its number. Waits for a connection if there is none,
    /// and sends again, with the same key, what a lost connection left unanswered: the message is stored once. Messages to
    /// one conversation are stored in the order of the calls.
    ///
    /// Cancelling the task withdraws the message if it was not sent yet.
    @discardableResult
    public func send(_ message: OutgoingMessage) async throws -> EnrichedMessage {
        guard case .sent(let stored) = try await ask(.send(message)) else { throw ClientError.notUnderstood("not the answer to send") }
        return stored
    }

    /// Moves the user's read marker forward, never back, and returns what is left. Of several calls that wait to be sent
    /// for one conversation only the highest number goes out; its answer is everybody's.
    @discardableResult
    public func markRead(_ id: ConversationID, through sequenceNumber: Int64) async throws -> ReadState {
        guard case .read(let state) = try await ask(.read(id, sequenceNumber)) else {
            throw ClientError.notUnderstood("not the answer to read")
        }
        return state
    }

    /// Watches these users instead of those before, also on later connections; changes come as `presence` events. Users who
    /// share no conversation with the caller are left out.
    @discardableResult
    public func watchPresence(of users: [UserID]) async throws -> [UserID: PresenceState] {
        guard case .presence(let states) = try await ask(.presence(users)) else {
            throw ClientError.notUnderstood("not the answer to presence")
        }
        return states
    }

    /// Tells the others in the conversation, if there is a connection right now; otherwise nobody is told. Repeat it about
    /// every three seconds while it is true.
    public func setTyping(_ isTyping: Bool, in id: ConversationID) {
        carryOut(machine.typing(isTyping, in: id, at: now))
    }

    /// Says whether somebody is at this app right now. Who is connected gets no push notifications, on any device; an app
    /// that nobody looks at should not keep them back. Say `true` when the user does something, and `false` at once when
    /// they stop, the screen is locked or the window is hidden.
    ///
    /// It is said once, and holds until the other is: the client tells the server again before that forgets, and on each
    /// later connection. Saying the same again costs nothing. Until the first call the server is told nothing, and
    /// being connected counts as being there.
    public func setActive(_ isActive: Bool) {
        carryOut(machine.setActive(isActive, at: now))
    }

    private func ask(_ request: ClientRequest) async throws -> ClientStateMachine.Answer {
        let ticket = nextTicket
        nextTicket += 1
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                if Task.isCancelled { return continuation.resume(throwing: CancellationError()) }
                waiting[ticket] = continuation
                carryOut(machine.request(request, ticket, at: now))
            }
        } onCancel: {
            Task { await self.abandon(ticket) }
        }
    }

    private func abandon(_ ticket: Ticket) {
        machine.abandon(ticket)
        waiting.removeValue(forKey: ticket)?.resume(throwing: CancellationError())
    }
}

extension ClientStateMachine.Options {
    init(_ configuration: ParleyClient.Configuration) {
        self.init()
        replayLimit = configuration.replayLimit
        conversationIDs = configuration.conversationIDs
        acknowledgesDelivery = configuration.acknowledgesDelivery
        outboxLimit = configuration.outboxLimit
        backoffMaxMilliseconds = configuration.maxBackoffSeconds * 1000
        handshakeMilliseconds = configuration.timeoutSeconds * 1000
    }
}
