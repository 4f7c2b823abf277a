import NIOCore
import NIOHTTP1
import NIOPosix
public import ParleyModel
import Synchronization

/// A push service for browsers on a loopback port: it holds every request to RFC 8030, 8188, 8291 and 8292, decrypts it as the
/// browser would, and misbehaves when it is told to.
public final class WebPushStandIn: Sendable {
    /// What happens to a request, before it is looked at.
    public enum Behaviour: Sendable {
        /// Checks it, and takes it when it is right.
        case check
        case answer(status: Int, headers: [String: String] = [:], body: String = "")
        /// Never answers.
        case stall
        /// Closes the connection without a word.
        case hangUp
        /// Begins an answer that never ends.
        case endlessBody(status: Int)
    }

    /// A notification that was right in everything.
    public struct Delivery: Sendable, Equatable {
        public let subscription: Int
        public let plaintext: [UInt8]
        /// The record's length with its padding.
        public let paddedLength: Int
        public let timeToLive: Int
        public let urgency: String?
        public let topic: String?
        public let token: StandInToken
    }

    struct State {
        var subscriptions: [StandInSubscription] = []
        var behaviours: [Int: Behaviour] = [:]
        var behaviour = Behaviour.check
        var deliveries: [Delivery] = []
        var complaints: [String] = []
        var requests = 0
        var underWay = 0
        var mostUnderWay = 0
        var removed: Set<Int> = []
        var tokens: [String: StandInToken] = [:]
    }

    public let port: Int
    /// Whether tokens must say whom to reach, as Apple's push service wants it.
    let requiresContact: Bool
    let keepsDeliveries: Bool
    private let channel: any Channel
    let state: Mutex<State>

    private init(channel: any Channel, requiresContact: Bool, keepsDeliveries: Bool) {
        self.channel = channel
        port = channel.localAddress?.port ?? 0
        self.requiresContact = requiresContact
        self.keepsDeliveries = keepsDeliveries
        state = Mutex(State())
    }

    /// - Parameter keepsDeliveries: False for measurements: they are counted only.
    public static func start(requiresContact: Bool = true, keepsDeliveries: Bool = true) async throws -> WebPushStandIn {
        let box = Box()
        let channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.configureHTTPServerPipeline()
                    try channel.pipeline.syncOperations.addHandler(StandInHandler { box.standIn.withLock { $0 } })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        let standIn = WebPushStandIn(channel: channel, requiresContact: requiresContact, keepsDeliveries: keepsDeliveries)
        box.standIn.withLock { $0 = standIn }
        return standIn
    }

    /// Hands the stand-in, which knows its channel, to the connections of that channel.
    private final class Box: Sendable {
        let standIn = Mutex<WebPushStandIn?>(nil)
    }

    public func stop() async { try? await channel.close() }

    public var origin: String { "http://127.0.0.1:\(port)" }

    // MARK: Browsers

    /// What a browser gives to its page. Its number stands in what is delivered.
    ///
    /// - Parameter serverKey: The key that the page named; another one is refused. Nil: any is taken.
    public func subscribe(serverKey: String? = nil) -> (number: Int, subscription: WebPushSubscription) {
        let keys = StandInSubscription(serverKey: serverKey)
        let number = state.withLock { state in
            state.subscriptions.append(keys)
            return state.subscriptions.count - 1
        }
        return (number, keys.subscription(endpoint: "\(origin)/push/\(number)"))
    }

    /// The browser's data were cleared: from now on 410.
    public func unsubscribe(_ number: Int) { state.withLock { _ = $0.removed.insert(number) } }

    public func behave(_ behaviour: Behaviour) { state.withLock { $0.behaviour = behaviour } }

    /// For one subscription only; nil takes it back.
    public func behave(_ behaviour: Behaviour?, for number: Int) { state.withLock { $0.behaviours[number] = behaviour } }

    // MARK: What came

    public var deliveries: [Delivery] { state.withLock { $0.deliveries } }
    /// What was wrong with refused requests.
    public var complaints: [String] { state.withLock { $0.complaints } }
    public var requests: Int { state.withLock { $0.requests } }
    public var mostUnderWay: Int { state.withLock { $0.mostUnderWay } }
}
