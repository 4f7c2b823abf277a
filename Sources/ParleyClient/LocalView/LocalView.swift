public import ParleyModel

/// A user's conversations as a plain value that events keep up to date.
///
/// The promise: a snapshot read over REST, plus the events, equals a snapshot read afresh once the same events have been
/// told, whatever the order in which the two come. Events that come before ``begin(with:)`` are held and applied then.
/// Repeated and late events change nothing.
///
///     var view = LocalView(user: me)
///     for await event in client.events {      // hear first …
///         view.apply(event)
///     }
///     view.begin(with: try await client.allConversations())    // … then read, somewhere beside
///
/// What events cannot tell is named in ``needsRefresh``: read those conversations and give them to ``add(_:)``.
public struct LocalView: Sendable, Equatable {
    /// Events kept for a snapshot that is on its way, and for a conversation that is not known yet. When there are more,
    /// the oldest are let go and their conversations need to be refreshed.
    public static let maxHeldEvents = 10_000

    public let user: UserID
    private var known: [ConversationID: LocalConversation] = [:]
    private var unknown: [ConversationID: HeldEvents] = [:]
    /// Left on this connection: what is told of them now is old news, up to a new view.
    private var left: Set<ConversationID> = []
    /// Nil once there was a snapshot.
    private var held: HeldEvents? = HeldEvents()

    public init(user: UserID) {
        self.user = user
    }

    // MARK: Looking

    /// The newest activity first, as the server lists them.
    public var conversations: [ConversationView] {
        known.values.map(\.view).sorted { left, right in
            (left.lastActivity, left.conversation.id) > (right.lastActivity, right.conversation.id)
        }
    }

    public func conversation(_ id: ConversationID) -> ConversationView? { known[id]?.view }

    /// Sorted by id; nil until ``setParticipants(_:in:version:)``.
    public func participants(of id: ConversationID) -> [LocalParticipant]? {
        known[id]?.participants.list?.values.sorted { $0.userID < $1.userID }
    }

    /// The newest counts that were told of a group too large for single markers.
    public func receipts(of id: ConversationID) -> ReceiptCounts? { known[id]?.receipts }

    /// Conversations of which events told, but whose view is unknown or has a hole.
    public var needsRefresh: Set<ConversationID> {
        Set(unknown.keys).union(known.filter(\.value.isStale).keys)
    }

    /// Conversations whose participants changed while the client was away, or did not keep up: read the list again and
    /// give it to ``setParticipants(_:in:version:)``.
    public var needsParticipants: Set<ConversationID> {
        Set(known.filter(\.value.participants.isStale).keys)
    }

    /// Whether there was a snapshot.
    public var hasBegun: Bool { held == nil }

    // MARK: Snapshots

    /// Puts a snapshot in, which was read after the subscription was answered. What it does not hold is taken out, if this
    /// is the first one or ``restart()`` was called before it was read.
    public mutating func begin(with snapshot: [ConversationView]) {
        guard let events = held else {
            for view in snapshot { add(view) }
            return
        }
        held = nil
        let ids = Set(snapshot.map(\.conversation.id))
        known = known.filter { ids.contains($0.key) }
        unknown = [:]
        left = []
        for view in snapshot { add(view) }
        for event in events.all { apply(event) }
        for id in events.lost { known[id]?.markStale() }
    }

    /// Holds events from now on, until ``begin(with:)``: for when the client has lost its place and a whole new snapshot
    /// is to be read.
    public mutating func restart() {
        if held == nil { held = HeldEvents() }
    }

    /// Puts one conversation's view in, as read over REST.
    public mutating func add(_ view: ConversationView) {
        let id = view.conversation.id
        left.remove(id)
        if known[id] == nil {
            known[id] = LocalConversation(view)
        } else {
            known[id]?.merge(view)
        }
        guard let events = unknown.removeValue(forKey: id) else { return }
        for event in events.all { apply(event) }
        if !events.lost.isEmpty { known[id]?.markStale() }
    }

    /// Puts a conversation's participants in, as read over REST. `version` is the conversation's version, read before
    /// them: the list is at least that new. False when too much has happened since: read both again.
    @discardableResult
    public mutating func setParticipants(_ participants: [Participant], in id: ConversationID, version: Int64) -> Bool {
        guard let last = known[id]?.view.conversation.lastSequence else { return false }
        return known[id]?.participants.set(participants, version: version, lastSequence: last) ?? false
    }

    // MARK: Events

    /// Takes an event. Those that say nothing of conversations are ignored, but for `hello`: a connection without a cursor
    /// is told nothing of having joined again meanwhile, so that what comes of such a conversation asks for its view.
    public mutating func apply(_ event: Event) {
        if case .hello = event {
            if held != nil { held?.add(event) } else { left = [] }
        }
        guard let id = event.viewedConversation else { return }
        if held != nil {
            held?.add(event)
        } else if left.contains(id), !event.hasView {
            return
        } else if case .conversation(let change) = event {
            apply(change)
        } else if known[id] != nil {
            known[id]?.apply(event, of: user)
        } else {
            unknown[id, default: HeldEvents()].add(event)
        }
    }

    private mutating func apply(_ change: ConversationChange) {
        switch change {
        case .added(let view, _), .refreshed(let view, _): add(view)
        case .updated(let id, let stamp):
            if known[id] != nil { known[id]?.apply(stamp) } else { unknown[id, default: HeldEvents()].add(.conversation(change)) }
        case .removed(let id):
            known[id] = nil
            unknown[id] = nil
            left.insert(id)
        }
    }
}

extension ConversationView {
    /// The last message's time, or before the first one the conversation's own.
    fileprivate var lastActivity: Timestamp { conversation.lastMessage?.at ?? conversation.createdAt }
}
