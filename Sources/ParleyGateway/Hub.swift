import CoreMetrics
public import NIOCore
public import ParleyCore
import ParleyModel
import Synchronization

/// Who is here: which connection of this node listens to which conversation. There is one part for each event loop,
/// touched on that loop only, so that nothing is locked. An event is encoded once, and the same bytes go to every part
/// and every connection.
public final class Hub: EventSink {
    let parts: [HubPart]
    private let connections = Mutex<[UserID: Int]>([:])
    private let typing = TypingNews()

    /// - Parameter bus: Is told which conversations somebody here listens to. What comes over it must be handed to ``receive(_:)``.
    public init(group: any EventLoopGroup, reader: CatchUpReader, bus: any EventBus, configuration: GatewayConfiguration = .init()) {
        parts = group.makeIterator().map { HubPart(loop: $0, reader: reader, bus: bus, configuration: configuration) }
    }

    /// The part of the loop on which the connection lives.
    func part(of loop: any EventLoop) -> HubPart {
        // A handful of loops: a walk is faster than a table.
        guard let part = parts.first(where: { $0.loop === loop }) else {
            preconditionFailure("a connection lives on a loop of the hub's group")
        }
        return part
    }

    /// Hands the events to every loop, in order. Returns before they are delivered.
    public func receive(_ events: [BusEvent]) {
        let deliveries = events.filter(isNews).map(Delivery.init)
        for part in parts { part.enqueue(deliveries) }
    }

    private func isNews(_ event: BusEvent) -> Bool {
        guard case .typing(let conversation, let user, let isTyping) = event else { return true }
        return typing.isNews(isTyping, of: user, in: conversation)
    }

    // MARK: Connections of a user, over all loops

    /// Counts a connection in, unless the user has `limit` already.
    func countIn(_ user: UserID, limit: Int) -> Bool {
        connections.withLock { connections in
            let count = connections[user] ?? 0
            guard count < limit else { return false }
            connections[user] = count + 1
            return true
        }
    }

    func countOut(_ user: UserID) {
        connections.withLock { connections in
            guard let count = connections[user] else { return }
            connections[user] = count > 1 ? count - 1 : nil
        }
    }

    /// Users with a connection here.
    var users: [UserID] { connections.withLock { Array($0.keys) } }
}
