import CoreMetrics
import Logging
import NIOCore
import NIOExtras
import NIOWebSocket
import ParleyCore
import ParleyModel

/// One open socket: the room between its frames and the core. Lives on its channel's event loop; only commands leave it,
/// in order, for the task that carries them out (``SocketSession``).
///
/// `@unchecked Sendable`: all mutable state is touched on the channel's event loop only.
final class SocketConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = WebSocketFrame
    typealias OutboundOut = ByteBuffer

    private enum State {
        case waitingForToken
        case authenticating
        case authenticated(HubPart.Listener)
        case closing
    }

    let channel: any Channel
    let commands: AsyncStream<NumberedCommand>
    private let commandSource: AsyncStream<NumberedCommand>.Continuation
    private let configuration: GatewayConfiguration
    private let hub: HubPart
    private var state: State
    private var assembler: MessageAssembler
    private var pendingCommands = 0
    private var context: ChannelHandlerContext?
    /// Ready frames are written from here on towards the network: past the frame encoder, since they are encoded.
    private var frameContext: ChannelHandlerContext?
    private var timers: [Scheduled<Void>] = []
    private var heartbeat: RepeatedTask?
    private var heardSinceBeat = true
    private var missedBeats = 0

    private static let closed = Dictionary(
        uniqueKeysWithValues: CloseCode.allCases.map {
            ($0, Counter(label: "parley_sockets_closed_total", dimensions: [("code", "\($0.rawValue)")]))
        })

    /// With `hasToken` the handshake carried a token, and authentication begins with it instead of a command.
    init(channel: any Channel, hub: HubPart, configuration: GatewayConfiguration, hasToken: Bool) {
        self.channel = channel
        self.hub = hub
        self.configuration = configuration
        state = hasToken ? .authenticating : .waitingForToken
        assembler = MessageAssembler(maxBytes: configuration.maxMessageBytes)
        // Bounded by `maxPendingCommands`: reading stops when that many wait.
        (commands, commandSource) = AsyncStream.makeStream(of: NumberedCommand.self, bufferingPolicy: .unbounded)
    }

    // MARK: Channel

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        frameContext = try? context.pipeline.syncOperations.context(handlerType: WebSocketFrameEncoder.self)
        let limit = configuration.authenticationSeconds
        timers.append(
            context.eventLoop.assumeIsolated().scheduleTask(in: .seconds(Int64(limit))) {
                switch self.state {
                case .waitingForToken, .authenticating: self.close(.notAuthenticatedInTime)
                case .authenticated, .closing: break
                }
            })
        heartbeat = context.eventLoop.scheduleRepeatedTask(
            initialDelay: .seconds(Int64(configuration.heartbeatSeconds)), delay: .seconds(Int64(configuration.heartbeatSeconds))
        ) { _ in self.beat() }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        ended()
    }

    func channelInactive(context: ChannelHandlerContext) {
        ended()
        context.fireChannelInactive()
    }

    private func ended() {
        if case .authenticated(let listener) = state { hub.leave(listener) }
        state = .closing
        for timer in timers { timer.cancel() }
        timers = []
        heartbeat?.cancel()
        heartbeat = nil
        context = nil
        frameContext = nil
        commandSource.finish()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        heardSinceBeat = true
        if case .closing = state { return }
        switch assembler.receive(unwrapInboundIn(data)) {
        case .nothing: break
        case .text(let text): receive(text)
        case .pong(let payload): send(frame: FrameBytes.pong(payload))
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
        case is ChannelShouldQuiesceEvent:
            let delay = Int.random(in: 0...configuration.reconnectSpreadMilliseconds)
            send(frame: FrameBytes.text(SocketText.goingAway(reconnectAfterMilliseconds: delay)))
            close(.goingAway)
        case ChannelEvent.inputClosed:
            // The client will send nothing more, not even a close frame.
            context.close(promise: nil)
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    // MARK: Commands

    private func receive(_ text: [UInt8]) {
        switch ReadCommand(text) {
        case .unreadable(let code): close(code)
        case .refused(let id, let error): send(text: SocketText.error(id, error))
        case .command(let command): accept(command)
        }
    }

    private func accept(_ numbered: NumberedCommand) {
        switch (state, numbered.command) {
        case (.waitingForToken, .authenticate):
            state = .authenticating
        case (.waitingForToken, .send):
            send(text: SocketText.error(numbered.id, ParleyError(.missingToken, "authenticate first")))
            return
        case (.authenticating, .authenticate), (.authenticated, .authenticate):
            send(text: SocketText.error(numbered.id, ParleyError(.invalidField, "this connection is authenticated already")))
            return
        default: break
        }
        pendingCommands += 1
        if pendingCommands >= configuration.maxPendingCommands { setReading(false) }
        commandSource.yield(numbered)
    }

    private func setReading(_ isOn: Bool) {
        try? channel.syncOptions?.setOption(.autoRead, value: isOn)
        if isOn { context?.read() }
    }

    /// Sends a command's reply and makes room for the next one. From any thread.
    func reply(_ text: [UInt8]) {
        channel.eventLoop.execute {
            self.send(text: text)
            self.pendingCommands -= 1
            if self.pendingCommands == self.configuration.maxPendingCommands - 1 { self.setReading(true) }
        }
    }

    // MARK: The session's steps, called by its task

    /// Greets; with a user when the handshake carried a good token.
    func greet(_ text: [UInt8]) {
        channel.eventLoop.execute { self.send(text: text) }
    }

    /// Enters the user in the hub. Nil when the connection has ended meanwhile.
    func enter(_ user: UserID) async -> HubPart.Listener? {
        await onLoop {
            if case .closing = self.state { return nil }
            let listener = self.hub.enter(self, user: user)
            self.state = .authenticated(listener)
            return listener
        }
    }

    /// Lets the connection hear of these conversations from now on.
    func listen(_ listener: HubPart.Listener, to conversations: [ConversationID]) async {
        await onLoop { self.hub.listen(listener, to: conversations) }
    }

    /// Ends the connection when its token ends.
    func close(at expiry: Timestamp, now: Timestamp) {
        // A timer cannot wait for ever; a token that ends in more than a month outlives any socket.
        let seconds = min(max(0, expiry.seconds(since: now)), 2_592_000)
        channel.eventLoop.execute {
            if case .closing = self.state { return }
            self.timers.append(
                self.channel.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(seconds * 1000))) { self.close(.tokenExpired) }
            )
        }
    }

    func end(_ code: CloseCode) {
        channel.eventLoop.execute { self.close(code) }
    }

    private func onLoop<Value>(_ body: @escaping () -> Value) async -> sending Value {
        nonisolated(unsafe) let body = body
        return await withCheckedContinuation { continuation in
            channel.eventLoop.execute {
                nonisolated(unsafe) let value = body()
                continuation.resume(returning: value)
            }
        }
    }

    // MARK: Writing

    /// Writes an event's frame without flushing. False when this connection takes no more.
    func write(event frame: ByteBuffer) -> Bool {
        guard case .authenticated = state, let frameContext else { return false }
        guard channel.isWritable else {
            close(.tooSlow)
            return false
        }
        frameContext.write(wrapOutboundOut(frame), promise: nil)
        return true
    }

    func flush() {
        frameContext?.flush()
    }

    private func send(text: [UInt8]) {
        send(frame: FrameBytes.text(text))
    }

    private func send(frame: ByteBuffer) {
        if case .closing = state { return }
        // Replies count towards the bound as events do.
        guard channel.isWritable else { return close(.tooSlow) }
        frameContext?.writeAndFlush(wrapOutboundOut(frame), promise: nil)
    }

    private func beat() {
        missedBeats = heardSinceBeat ? 0 : missedBeats + 1
        heardSinceBeat = false
        if missedBeats >= 2 { return close(.silent) }
        send(frame: FrameBytes.ping)
    }

    /// Says why and ends. Without a code the client's own close is echoed.
    ///
    /// Ending while the client still writes would reset the connection, and the reset can overtake the close frame. So
    /// only our half is closed, and what comes is read and dropped until the client ends too, for at most five seconds.
    private func close(_ code: CloseCode?) {
        if case .closing = state { return }
        if case .authenticated(let listener) = state { hub.leave(listener) }
        state = .closing
        if let code { Self.closed[code]?.increment() }
        // Whoever hears nothing any more is not online through this connection, however long its end takes.
        commandSource.finish()
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
