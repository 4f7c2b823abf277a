import ParleyModel

extension Event {
    /// The conversation whose view the event changes; nil for those that change none.
    var viewedConversation: ConversationID? {
        switch self {
        case .message(let message): message.message.conversationID
        case .conversation(let change): change.conversationID
        case .participant(let change): change.conversationID
        case .mute(let id, _), .notificationLevel(let id, _), .skipped(let id, _, _): id
        case .read(let marker): marker.conversationID
        case .delivered(let marker): marker.conversationID
        case .receipts(let counts): counts.conversationID
        case .hello, .typing, .presence, .behind, .caughtUp, .heartbeat, .goingAway, .closing: nil
        }
    }

    /// Whether it brings a conversation's whole view.
    var hasView: Bool {
        switch self {
        case .conversation(.added), .conversation(.refreshed): true
        default: false
        }
    }
}

extension LocalConversation {
    mutating func apply(_ event: Event, of user: UserID) {
        switch event {
        case .message(let message): apply(message.message, of: user)
        case .participant(let change): apply(change, of: user)
        case .mute(_, let state): apply(state)
        case .notificationLevel(_, let level): apply(level)
        case .read(let marker):
            if marker.userID == user { applyOwnRead(marker) } else { participants.noteRead(marker.sequenceNumber, of: marker.userID) }
        case .delivered(let marker): participants.noteDelivered(marker.sequenceNumber, of: marker.userID)
        case .receipts(let counts):
            if counts.sequenceNumber >= receipts?.sequenceNumber ?? 0 { receipts = counts }
        case .skipped(_, _, let through): skip(through: through)
        default: break
        }
    }
}

/// Events that wait for a view. Bounded: the older half goes when there are too many.
struct HeldEvents: Sendable, Equatable {
    private(set) var all: [Event] = []
    /// The conversations of the events that were let go.
    private(set) var lost: Set<ConversationID> = []

    mutating func add(_ event: Event) {
        if all.count == LocalView.maxHeldEvents { forgetOldest() }
        all.append(event)
    }

    private mutating func forgetOldest() {
        let count = LocalView.maxHeldEvents / 2
        lost.formUnion(all.prefix(count).compactMap(\.viewedConversation))
        all.removeFirst(count)
    }
}
