import CoreMetrics
public import NIOCore
public import ParleyCore
import ParleyModel

/// Who is here: which connection of this node listens to which conversation. There is one part for each event loop,
/// touched on that loop only, so that nothing is locked. An event is encoded once, and the same bytes go to every part
/// and every socket.
public final class Hub: EventSink {
    private let parts: [HubPart]

    public init(group: any EventLoopGroup) {
        parts = group.makeIterator().map(HubPart.init)
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
        let deliveries = events.map(Delivery.init)
        for part in parts {
            part.loop.execute { part.deliver(deliveries) }
        }
    }
}

/// An event with the frame that tells it.
enum Delivery: Sendable {
    case toConversation(ConversationID, frame: ByteBuffer)
    case added(ConversationID, UserID, frame: ByteBuffer)
    case removed(ConversationID, UserID, frame: ByteBuffer)

    init(_ event: BusEvent) {
        switch event {
        case .message(let conversation, _, let json):
            self = .toConversation(conversation, frame: FrameBytes.text(SocketText.message(json)))
        case .conversationChanged(let conversation):
            self = .toConversation(conversation, frame: FrameBytes.text(SocketText.conversation(conversation, .updated)))
        case .participantChanged(let conversation, let user, nil):
            self = .removed(conversation, user, frame: FrameBytes.text(SocketText.conversation(conversation, .removed)))
        case .participantChanged(let conversation, let user, _):
            self = .added(conversation, user, frame: FrameBytes.text(SocketText.conversation(conversation, .added)))
        }
    }
}

/// One event loop's share of the hub.
///
/// `@unchecked Sendable`: everything but `loop` is touched on `loop` only, which each method asserts.
final class HubPart: @unchecked Sendable {
    let loop: any EventLoop
    private var byConversation: [ConversationID: Set<Listener>] = [:]
    private var byUser: [UserID: Set<Listener>] = [:]

    /// A connection in the tables, with the conversations it listens to.
    final class Listener: Hashable {
        fileprivate let connection: SocketConnection
        fileprivate let user: UserID
        fileprivate var conversations: Set<ConversationID> = []
        /// While the user's conversations are being read from the store: those from which the user was removed since.
        fileprivate var removedWhileLoading: Set<ConversationID>? = []

        fileprivate init(_ connection: SocketConnection, _ user: UserID) {
            self.connection = connection
            self.user = user
        }

        static func == (left: Listener, right: Listener) -> Bool { left === right }
        func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
    }

    private let sockets = Meter(label: "parley_sockets_authenticated")
    private let delivered = Counter(label: "parley_events_delivered_total")

    init(loop: any EventLoop) {
        self.loop = loop
    }

    /// Enters a connection of a user. From now on it hears of conversations to which the user is added; those there are
    /// follow with ``listen(_:to:)``. Whoever reads them must do so after this, or one added in between is missed.
    func enter(_ connection: SocketConnection, user: UserID) -> Listener {
        loop.assertInEventLoop()
        let listener = Listener(connection, user)
        byUser[user, default: []].insert(listener)
        sockets.increment()
        return listener
    }

    /// Adds the conversations that the store named, but for those that the user has left since. The connection may have
    /// ended while they were read; then there is nobody to listen any more.
    func listen(_ listener: Listener, to conversations: [ConversationID]) {
        loop.assertInEventLoop()
        guard byUser[listener.user]?.contains(listener) == true else { return }
        let removed = listener.removedWhileLoading ?? []
        listener.removedWhileLoading = nil
        for conversation in conversations where !removed.contains(conversation) { add(listener, to: conversation) }
    }

    func leave(_ listener: Listener) {
        loop.assertInEventLoop()
        for conversation in listener.conversations { byConversation[conversation]?.remove(listener) }
        for conversation in listener.conversations where byConversation[conversation]?.isEmpty == true {
            byConversation[conversation] = nil
        }
        listener.conversations = []
        if byUser[listener.user]?.remove(listener) != nil { sockets.decrement() }
        if byUser[listener.user]?.isEmpty == true { byUser[listener.user] = nil }
    }

    /// Whether nobody is here and nothing is kept of those who were.
    var isEmpty: Bool {
        loop.assertInEventLoop()
        return byConversation.isEmpty && byUser.isEmpty
    }

    private func add(_ listener: Listener, to conversation: ConversationID) {
        if listener.conversations.insert(conversation).inserted { byConversation[conversation, default: []].insert(listener) }
    }

    /// Writes each event to the sockets it is for; each socket is flushed once, however many events it got.
    func deliver(_ deliveries: [Delivery]) {
        loop.assertInEventLoop()
        var touched: Set<Listener> = []
        var count = 0
        func write(_ frame: ByteBuffer, to listeners: Set<Listener>) {
            for listener in listeners where listener.connection.write(event: frame) {
                touched.insert(listener)
                count += 1
            }
        }
        for delivery in deliveries {
            switch delivery {
            case .toConversation(let conversation, let frame):
                if let listeners = byConversation[conversation] { write(frame, to: listeners) }
            case .added(let conversation, let user, let frame):
                guard let listeners = byUser[user] else { continue }
                for listener in listeners { add(listener, to: conversation) }
                write(frame, to: listeners)
            case .removed(let conversation, let user, let frame):
                guard let listeners = byUser[user] else { continue }
                for listener in listeners { remove(listener, from: conversation) }
                write(frame, to: listeners)
            }
        }
        for listener in touched { listener.connection.flush() }
        if count > 0 { delivered.increment(by: count) }
    }

    private func remove(_ listener: Listener, from conversation: ConversationID) {
        listener.removedWhileLoading?.insert(conversation)
        listener.conversations.remove(conversation)
        byConversation[conversation]?.remove(listener)
        if byConversation[conversation]?.isEmpty == true { byConversation[conversation] = nil }
    }
}
