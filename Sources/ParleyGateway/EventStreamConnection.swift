import CoreMetrics
import NIOCore
import ParleyCore
import ParleyModel

/// A stream of server-sent events (HTML Living Standard, section 9.2): what a socket's client is told, for networks that
/// break WebSocket. Lives on its channel's event loop; the HTTP response takes what waits, as fast as it is read.
///
/// `@unchecked Sendable`: all mutable state is touched on the channel's event loop only.
final class EventStreamConnection: @unchecked Sendable {
    private let channel: any Channel
    private let hub: Hub
    private let part: HubPart
    private let configuration: GatewayConfiguration
    private var subscriber: Subscriber?
    private var streamID: EventStreamID?
    private var waiting = ByteBuffer()
    private var reader: CheckedContinuation<ByteBuffer?, Never>?
    private var inputHandler: InputClosedHandler?
    private var hasEnded = false
    private var tokenEnds = NIODeadline.distantFuture
    private var nextBeat: NIODeadline

    private static let ended = Counter(label: "parley_event_streams_ended_total")

    init(channel: any Channel, hub: Hub, configuration: GatewayConfiguration, streamID: EventStreamID?) {
        self.channel = channel
        self.hub = hub
        self.configuration = configuration
        self.streamID = streamID
        part = hub.part(of: channel.eventLoop)
        nextBeat = channel.eventLoop.now + .seconds(Int64(configuration.heartbeatSeconds))
        channel.closeFuture.whenComplete { _ in self.finish() }
    }

    // MARK: Called from tasks

    /// Enters the user in the hub and greets. Nil when the user has too many connections.
    func enter(_ caller: Caller, user: UserID, tokenEndsIn seconds: Double?, hello: Hello) async -> Subscriber? {
        await channel.eventLoop.run {
            guard !self.hasEnded, self.hub.countIn(user, limit: self.configuration.maxSocketsPerUser) else { return nil }
            let subscriber = Subscriber(user: user, caller: caller, endpoint: self, part: self.part)
            self.subscriber = subscriber
            self.part.open(self)
            self.part.enter(subscriber)
            self.watchInput()
            if let seconds { self.tokenEnds = self.channel.eventLoop.now + .milliseconds(Int64(min(max(0, seconds), 2_592_000) * 1000)) }
            self.write(OutboundEvent(.hello(hello)))
            return subscriber
        }
    }

    /// The next bytes of the response; nil at its end.
    func next() async -> ByteBuffer? {
        await withCheckedContinuation { continuation in
            channel.eventLoop.execute { self.take(continuation) }
        }
    }

    /// The response has ended, whatever the reason.
    func close() {
        channel.eventLoop.execute { self.finish() }
    }

    // MARK: On the loop

    private func watchInput() {
        let handler = InputClosedHandler { [weak self] in self?.finish() }
        inputHandler = handler
        try? channel.pipeline.syncOperations.addHandler(handler, position: .first)
    }

    private func take(_ continuation: CheckedContinuation<ByteBuffer?, Never>) {
        if waiting.readableBytes == 0, !hasEnded {
            reader = continuation
        } else {
            continuation.resume(returning: waiting.readableBytes > 0 ? taken() : nil)
            subscriber?.becameWritable()
            part.flushTouched()
        }
    }

    private func taken() -> ByteBuffer {
        defer { waiting = ByteBuffer() }
        return waiting
    }

    private func finish() {
        guard !hasEnded else { return }
        hasEnded = true
        Self.ended.increment()
        if let subscriber {
            part.leave(subscriber)
            part.close(self)
            hub.countOut(subscriber.user)
        }
        subscriber = nil
        // The connection may carry further requests.
        if let handler = inputHandler.take() { channel.pipeline.syncOperations.removeHandler(handler, promise: nil) }
        flush()
        reader.take()?.resume(returning: nil)
    }
}

extension EventStreamConnection: EventEndpoint {
    var isWritable: Bool { waiting.readableBytes < configuration.maxOutboundBytes }

    func write(_ event: OutboundEvent) {
        guard !hasEnded else { return }
        switch event.progress {
        case .message(let conversation, let number): streamID?.wrote(number, in: conversation)
        case .cursor(let cursor): streamID = streamID?.advanced(to: cursor) ?? EventStreamID(cursor)
        case nil: break
        }
        waiting.writeString("event: \(event.type)\n")
        if event.progress != nil, let streamID { waiting.writeString("id: \(streamID.text)\n") }
        waiting.writeString("data: ")
        waiting.writeImmutableBuffer(event.json)
        waiting.writeString("\n\n")
    }

    /// Each message has an id of its own.
    func write(_ run: EventRun) {
        for (_, event) in run.events { write(event) }
    }

    func flush() {
        guard waiting.readableBytes > 0, let reader = reader.take() else { return }
        reader.resume(returning: taken())
    }

    func end(_ code: CloseCode) {
        write(OutboundEvent(.closing(code: Int64(code.rawValue), reason: code.reason)))
        finish()
    }
}

extension EventStreamConnection: OpenConnection {
    func tick(_ now: NIODeadline) {
        if now >= tokenEnds { return end(.tokenExpired) }
        subscriber?.tick()
        guard now >= nextBeat else { return }
        nextBeat = nextBeat + .seconds(Int64(configuration.heartbeatSeconds))
        subscriber?.beat()
    }

    func drain() {
        let delay = Int64.random(in: 0...Int64(configuration.drainSeconds) * 1000)
        write(OutboundEvent(.goingAway(reconnectAfterMilliseconds: delay)))
        end(.goingAway)
    }
}
