import NIOCore
import NIOPosix

/// Something that the sockets of a crowd do together, and that ends: with an outcome, at the first failure, or at its time
/// limit. Confined to the crowd's event loop.
protocol SocketRun<Outcome>: AnyObject, SendableMetatype {
    associatedtype Outcome: Sendable
    var outcome: EventLoopPromise<Outcome> { get }

    func begin()
    /// The socket has authenticated, and has caught up if it listens.
    func ready(_ receiver: SocketReceiver)
    func received(_ number: Int64, by receiver: SocketReceiver)
    /// The socket's connection has ended or could not be made. False when that must not happen.
    func accepts(lossOf receiver: SocketReceiver) -> Bool
    /// The server has told the socket to come back later, with that close code. False when that must not happen.
    func accepts(turningAway receiver: SocketReceiver, _ code: UInt16) -> Bool
    /// What is left to do, in words, for when the time is over.
    var missing: String { get }
}

extension SocketRun {
    func ready(_ receiver: SocketReceiver) {}
    func received(_ number: Int64, by receiver: SocketReceiver) {}
    func accepts(lossOf receiver: SocketReceiver) -> Bool { false }
    func accepts(turningAway receiver: SocketReceiver, _ code: UInt16) -> Bool { false }
}

/// The sockets of the benchmark: all on one event loop, which they share with nobody else, one handler for each and no
/// tasks.
final class SocketCrowd {
    let eventLoop: any EventLoop
    private let address: SocketAddress
    private(set) var receivers: [SocketReceiver] = []
    private var current: (any SocketRun)?
    private(set) var failure: BenchError?
    private var openCount = 0
    private var isEnding = false
    private let ended: EventLoopPromise<Void>
    /// Sockets that read slowly have small receive buffers, so that what they leave unread gathers at the server.
    private let smallBuffers: Set<Int>

    private static let connectTimeout = TimeAmount.seconds(10)

    init(_ roles: [SocketReceiver.Role], smallBuffers: Set<Int>, address: SocketAddress, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.address = address
        self.smallBuffers = smallBuffers
        ended = eventLoop.makePromise()
        receivers = roles.enumerated().map { SocketReceiver($1, place: $0, crowd: self) }
    }

    // MARK: Runs

    func start<Run: SocketRun>(_ make: (SocketCrowd) -> Run, limit: TimeAmount) -> EventLoopFuture<Run.Outcome> {
        let run = make(self)
        if let failure {
            run.outcome.fail(failure)
            return run.outcome.futureResult
        }
        current = run
        let timeout = eventLoop.assumeIsolated().scheduleTask(in: limit) {
            self.failed(.notInTime(missing: run.missing, seconds: Double(limit.nanoseconds) / 1e9))
        }
        run.outcome.futureResult.assumeIsolated().whenComplete { _ in
            timeout.cancel()
            if self.current === run { self.current = nil }
        }
        run.begin()
        return run.outcome.futureResult
    }

    func open(_ receiver: SocketReceiver) {
        receiver.opens(at: .now())
        openCount += 1
        let bound = NIOLoopBound(receiver, eventLoop: eventLoop)
        var bootstrap = ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(Self.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
        if smallBuffers.contains(receiver.place) { bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: 4096) }
        bootstrap.connect(to: address).assumeIsolated().whenComplete { result in
            switch result {
            case .success: if self.isEnding { receiver.close() }
            case .failure(let error): self.closed(receiver, .system(call: "connecting", reason: "\(error)"))
            }
        }
    }

    /// Closes everything; done when that has happened.
    func end() -> EventLoopFuture<Void> {
        isEnding = true
        for receiver in receivers { receiver.close() }
        completeIfEnded()
        return ended.futureResult
    }

    // MARK: Called by the receivers

    func ready(_ receiver: SocketReceiver) { current?.ready(receiver) }

    func received(_ number: Int64, by receiver: SocketReceiver) { current?.received(number, by: receiver) }

    func turnedAway(_ receiver: SocketReceiver, _ code: UInt16) -> Bool { current?.accepts(turningAway: receiver, code) == true }

    func closed(_ receiver: SocketReceiver, _ error: BenchError) {
        openCount -= 1
        if !isEnding, current?.accepts(lossOf: receiver) != true { failed(error) }
        completeIfEnded()
    }

    /// The first failure ends the run, and every later one.
    func failed(_ error: BenchError) {
        guard failure == nil, !isEnding else { return }
        failure = error
        current?.fail(error)
    }

    private func completeIfEnded() {
        if isEnding, openCount == 0 { ended.succeed() }
    }
}

extension SocketRun {
    fileprivate func fail(_ error: BenchError) { outcome.fail(error) }
}
