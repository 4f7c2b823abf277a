import CoreMetrics
import Logging
import NIOCore
import NIOExtras
import NIOWebSocket
import ParleyCore
import ParleyModel

/// One open socket: the room between its frames and the core. Lives on its channel's event loop; only what is asked leaves
/// it, in order, for the task that carries it out (``SocketSession``), which exists while there is something to do.
///
/// `@unchecked Sendable`: all mutable state is touched on the channel's event loop only.
final class SocketConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = ByteBuffer

    /// How many times as long as for the client's token it may take us to get to it and check it.
    private static let ownPatience: Int64 = 6

    private enum State {
        case waitingForToken
        case authenticating
        case authenticated(Subscriber)
        /// The server stops: what is under way is answered, nothing new is taken.
        case draining(Subscriber?)
        case closing
    }

    let channel: any Channel
    let session: SocketSession
    private let sessions: SocketSessions
    /// What the session has to do next; bounded by `maxPendingCommands`, since reading stops when that many wait.
    private var work: [SocketSession.Work] = []
    private var isWorking = false
    private let configuration: GatewayConfiguration
    private let hub: Hub
    private let part: HubPart
    private var state: State
    private var assembler: MessageAssembler
    private var bucket: TokenBucket
    /// Commands that were refused as too many, less those carried out since.
    private var refusals = 0
    private var pendingCommands = 0
    private var context: ChannelHandlerContext?
    private(set) var isWritable = true
    /// Ready frames are written from here on towards the network: past the frame encoder, since they are encoded.
    private var frameContext: ChannelHandlerContext?

    // Time. A connection asks no timers for itself; the hub's part tells all of them how time passes.
    private let openedAt: NIODeadline
    private var tokenEnds = NIODeadline.distantFuture
    /// Until when the user's activity counts that the client told of last; never for clients that tell of none.
    private var attentionEnds = NIODeadline.distantFuture
    private var isAttentionEndAsked = false
    private var nextBeat: NIODeadline
    private var heardSinceBeat = true
    private var missedBeats = 0

    private static let closed = Dictionary(
        uniqueKeysWithValues: CloseCode.allCases.map {
            ($0, Counter(label: "parley_sockets_closed_total", dimensions: [("code", "\($0.rawValue)")]))
        })

    /// With a token in the handshake, authentication begins with it instead of a command.
    init(channel: any Channel, hub: Hub, sessions: SocketSessions, session: SocketSession, configuration: GatewayConfiguration) {
        self.channel = channel
        self.sessions = sessions
        self.session = session
        self.hub = hub
        part = hub.part(of: channel.eventLoop)
        self.configuration = configuration
        state = session.handshakeToken == nil ? .waitingForToken : .authenticating
        assembler = MessageAssembler(maxBytes: configuration.maxMessageBytes)
        openedAt = channel.eventLoop.now
        nextBeat = openedAt + .seconds(Int64(configuration.heartbeatSeconds))
        bucket = TokenBucket(perSecond: configuration.commandsPerSecond, burst: configuration.commandsBurst, at: openedAt)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        frameContext = try? context.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
        part.open(self)
        ask(.begin)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ended()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    private func ended() {
        leaveHub()
        part.close(self)
        state = .closing
        context = nil
        frameContext = nil
    }

    private func leaveHub() {
        switch state {
        case .authenticated(let subscriber), .draining(let subscriber?):
            part.leave(subscriber)
            hub.countOut(subscriber.user)
            // Whoever hears nothing any more is not online through this connection, however long its end takes.
            work.removeAll()
            ask(.end)
        case .waitingForToken, .authenticating, .draining(nil), .closing: break
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heardSinceBeat = true
        if case .closing = state { return }
        switch assembler.receive(unwrapInboundIn(data)) {
        case .nothing: break
        case .text(let text): receive(text)
        case .pong(let payload): if isWritable { send(frame: FrameBytes.pong(payload)) }
        case .closed: close(nil)
        case .fail(let code): close(code)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // What still comes after the close frame is of no interest, however wrong it is.
        if case .closing = state { return }
        switch error {
        case NIOWebSocketError.invalidFrameLength: close(.tooBig)
        case is NIOWebSocketError: close(.protocolError)
        default: context.close(promise: nil)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent: drain()
        case ChannelEvent.inputClosed:
            // The client will send nothing more, not even a close frame.
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        isWritable = channel.isWritable
        // A client that does not read its replies is not asked for more commands.
        setReading(isWritable && pendingCommands < configuration.maxPendingCommands)
        if isWritable {
            subscriber?.becameWritable()
            part.flushTouched()
        }
        context.fireChannelWritabilityChanged()
    }

    private var subscriber: Subscriber? {
        switch state {
        case .authenticated(let subscriber): subscriber
        case .waitingForToken, .authenticating, .draining, .closing: nil
        }
    }

    // MARK: Commands

    private func receive(_ text: [UInt8]) {
        if case .draining = state { return }
        switch ReadCommand(text) {
        case .unreadable(let code): close(code)
        case .refused(let id, let error): if let id = admit(id) { send(text: SocketText.error(id, error)) }
        case .command(let command): if admit(command.id) != nil { accept(command) }
        }
    }

    /// Holds the connection to its rate. A client that goes on although it is refused is closed.
    private func admit(_ id: Int64) -> Int64? {
        guard let wait = bucket.take(at: channel.eventLoop.now) else {
            refusals = max(0, refusals - 1)
            return id
        }
        refusals += 1
        if refusals > configuration.maxRefusedCommands {
            close(.tooManyCommands)
        } else {
            let error = ParleyError(.rateLimited, "this connection sends too many commands", retryAfterSeconds: wait)
            send(text: SocketText.error(id, error))
        }
        return nil
    }

    private func accept(_ numbered: NumberedCommand) {
        switch (state, numbered.command) {
        case (.waitingForToken, .authenticate):
            state = .authenticating
        case (.waitingForToken, .ping), (.authenticating, _), (.authenticated, _): break
        case (.waitingForToken, _):
            send(text: SocketText.error(numbered.id, ParleyError(.missingToken, "authenticate first")))
            return
        case (.draining, _), (.closing, _): return
        }
        pendingCommands += 1
        if pendingCommands >= configuration.maxPendingCommands { setReading(false) }
        ask(.command(numbered))
    }

    private func ask(_ next: SocketSession.Work) {
        work.append(next)
        guard !isWorking else { return }
        isWorking = true
        sessions.wake(self)
    }

    /// What the session does next; nil when there is nothing, and its task ends.
    func nextWork() async -> SocketSession.Work? {
        await onLoop {
            guard !self.work.isEmpty else {
                self.isWorking = false
                return nil
            }
            return self.work.removeFirst()
        }
    }

    private func setReading(_ isOn: Bool) {
        try? channel.syncOptions?.setOption(.autoRead, value: isOn)
        if isOn { context?.read() }
    }

    /// Sends a command's reply and makes room for the next one. From any thread; on the connection's loop it is sent at once.
    func reply(_ text: [UInt8]) {
        if channel.eventLoop.inEventLoop { return replyOnLoop(text) }
        channel.eventLoop.execute { self.replyOnLoop(text) }
    }

    private func replyOnLoop(_ text: [UInt8]) {
        send(text: text)
        pendingCommands -= 1
        if case .draining = state {
            if pendingCommands == 0 { close(.goingAway) }
        } else if pendingCommands == configuration.maxPendingCommands - 1, isWritable {
            setReading(true)
        }
    }

    // MARK: The session's steps, called by its task

    /// The server's first words.
    func greet(_ hello: Hello) {
        let event = OutboundEvent(.hello(hello))
        channel.eventLoop.execute { self.send(frame: event.frame) }
    }

    enum Entry {
        case entered(Subscriber)
        case tooMany
        /// The connection has ended meanwhile.
        case ended
    }

    /// Enters the user in the hub.
    func enter(_ caller: Caller, user: UserID, tokenEndsIn seconds: Double?) async -> Entry {
        await onLoop {
            switch self.state {
            case .closing, .draining: return .ended
            case .waitingForToken, .authenticating, .authenticated: break
            }
            guard self.hub.countIn(user, limit: self.configuration.maxSocketsPerUser) else { return .tooMany }
            let subscriber = Subscriber(user: user, caller: caller, endpoint: self, part: self.part)
            self.part.enter(subscriber)
            self.state = .authenticated(subscriber)
            self.setTokenEnd(seconds)
            return .entered(subscriber)
        }
    }

    /// The same user has shown a newer token.
    func renew(_ caller: Caller, tokenEndsIn seconds: Double?) async {
        await onLoop {
            self.subscriber?.caller = caller
            self.setTokenEnd(seconds)
        }
    }

    private func setTokenEnd(_ seconds: Double?) {
        // A deadline cannot lie arbitrarily far away; a token that ends in more than a month outlives any socket.
        tokenEnds = seconds.map { channel.eventLoop.now + .milliseconds(Int64(min(max(0, $0), 2_592_000) * 1000)) } ?? .distantFuture
    }

    /// Without seconds there is nothing to end: the client has said itself that the user is away.
    func setAttention(endsIn seconds: Int?) async {
        await onLoop {
            self.attentionEnds = seconds.map { self.channel.eventLoop.now + .seconds(Int64($0)) } ?? .distantFuture
            self.isAttentionEndAsked = false
        }
    }

    var hasAttentionEnded: Bool {
        get async { await onLoop { self.channel.eventLoop.now >= self.attentionEnds } }
    }

    /// Replies and begins to listen in one step: what happens from then on comes after the reply.
    func subscribe(_ subscriber: Subscriber, _ plan: ResumePlan, hearsAll: Bool, reply: [UInt8]) async {
        await onLoop {
            self.replyOnLoop(reply)
            subscriber.begin(plan, hearsAll: hearsAll)
            self.part.flushTouched()
        }
    }

    func close(with code: CloseCode) {
        channel.eventLoop.execute { self.close(code) }
    }

    private func onLoop<Value>(_ body: @escaping () -> Value) async -> sending Value {
        await channel.eventLoop.run(body)
    }

    // MARK: Writing

    private func send(text: [UInt8]) {
        send(frame: FrameBytes.text(text))
    }

    private func send(frame: ByteBuffer) {
        if case .closing = state { return }
        frameContext?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    // MARK: The end

    /// Says why and ends. Without a code the client's own close is echoed.
    ///
    /// Ending while the client still writes would reset the connection, and the reset can overtake the close frame. So
    /// only our half is closed, and what comes is read and dropped until the client ends too, for at most five seconds.
    private func close(_ code: CloseCode?) {
        if case .closing = state { return }
        leaveHub()
        state = .closing
        if let code { Self.closed[code]?.increment() }
        guard let frameContext else { return channel.close(promise: nil) }
        let frame = code.map(FrameBytes.close) ?? ByteBuffer(bytes: [0x88, 0x00])
        let channel = channel
        let bound = channel.eventLoop.scheduleTask(in: .seconds(5)) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in bound.cancel() }
        let written = channel.eventLoop.makePromise(of: Void.self)
        written.futureResult.whenSuccess { channel.close(mode: .output, promise: nil) }
        setReading(true)
        frameContext.writeAndFlush(wrapOutboundOut(frame), promise: written)
    }
}

extension SocketConnection: EventEndpoint {
    func write(_ event: OutboundEvent) {
        frameContext?.write(wrapOutboundOut(event.frame), promise: nil)
    }

    func write(_ run: EventRun) {
        frameContext?.write(wrapOutboundOut(run.frames), promise: nil)
    }

    func flush() {
        frameContext?.flush()
    }

    func end(_ code: CloseCode) { close(code) }
}

extension SocketConnection: OpenConnection {
    /// The server stops. The client hears when to come back, each after a delay of its own, so that they do not all come
    /// at once; what it has sent already is answered first.
    func drain() {
        switch state {
        case .closing, .draining: return
        case .waitingForToken, .authenticating: state = .draining(nil)
        case .authenticated(let subscriber): state = .draining(subscriber)
        }
        let delay = Int64.random(in: 0...Int64(configuration.drainSeconds) * 1000)
        send(frame: OutboundEvent(.goingAway(reconnectAfterMilliseconds: delay)).frame)
        if pendingCommands == 0 { close(.goingAway) }
    }

    func tick(_ now: NIODeadline) {
        switch state {
        case .waitingForToken:
            let isLate = now >= openedAt + .seconds(Int64(configuration.authenticationSeconds))
            // When ten thousand come back at once, the token may be here without our having got to it.
            if isLate, !channel.hasUnreadBytes { return close(.notAuthenticatedInTime) }
            if isOverdue(now) { return close(.overloaded) }
        case .authenticating:
            // The token has come: what takes long is ours. A client that is sent away for it comes back and makes it worse.
            if isOverdue(now) { return close(.overloaded) }
        case .authenticated(let subscriber):
            if now >= tokenEnds { return close(.tokenExpired) }
            if now >= attentionEnds, !isAttentionEndAsked {
                isAttentionEndAsked = true
                ask(.attentionEnded)
            }
            subscriber.tick()
        case .draining, .closing: return
        }
        if now >= nextBeat { beat() }
    }

    private func isOverdue(_ now: NIODeadline) -> Bool {
        now >= openedAt + .seconds(Int64(configuration.authenticationSeconds) * Self.ownPatience)
    }

    private func beat() {
        nextBeat = nextBeat + .seconds(Int64(configuration.heartbeatSeconds))
        missedBeats = heardSinceBeat ? 0 : missedBeats + 1
        heardSinceBeat = false
        if missedBeats >= 2 { return close(.silent) }
        guard isWritable else { return }
        subscriber?.beat()
        send(frame: FrameBytes.ping)
    }
}
