import ParleyCore
import ParleyModel

/// An event from the bus with its bytes, ready for every loop.
enum Delivery: Sendable {
    case message(ConversationID, Int64, OutboundEvent)
    case created(ConversationID, [UserID])
    case joined(ParticipantChange, lastSequence: Int64, OutboundEvent)
    case left(ParticipantChange, OutboundEvent)
    case toConversation(ConversationID, OutboundEvent)
    /// Who is typing: for the others, and only for those who take it at once.
    case typing(ConversationID, UserID, OutboundEvent)
    case toUser(UserID, in: ConversationID, OutboundEvent)
    case read(ConversationID, UserID, own: OutboundEvent, others: OutboundEvent?)
    case presence(UserID, PresenceState)
    case revoked(UserID, before: Timestamp)

    init(_ event: BusEvent) {
        switch event {
        case .message(let id, let number, let json): self = .message(id, number, OutboundEvent(message: json, number, in: id))
        case .conversationCreated(let id, let users): self = .created(id, users)
        case .conversationChanged(let id, let stamp): self = .toConversation(id, OutboundEvent(.conversation(.updated(id, stamp))))
        case .participantChanged(let change, let last):
            let event = OutboundEvent(.participant(change))
            switch change.kind {
            case .joined: self = .joined(change, lastSequence: last, event)
            case .left: self = .left(change, event)
            case .role: self = .toConversation(change.conversationID, event)
            }
        case .muteChanged(let id, let user, let state): self = .toUser(user, in: id, OutboundEvent(.mute(id, state)))
        case .notificationLevelChanged(let id, let user, let level):
            self = .toUser(user, in: id, OutboundEvent(.notificationLevel(id, level)))
        case .read(let id, let user, let state, let toOthers): self = Self.read(id, user, state, toOthers: toOthers)
        case .delivered(let id, let user, let number):
            let marker = DeliveredMarker(conversationID: id, userID: user, sequenceNumber: number)
            self = .toConversation(id, OutboundEvent(.delivered(marker)))
        case .receipts(let id, let counts): self = .toConversation(id, OutboundEvent(.receipts(counts)))
        case .typing(let id, let user, let isTyping):
            self = .typing(id, user, OutboundEvent(.typing(id, user, isTyping: isTyping)))
        case .presence(let user, let state): self = .presence(user, state)
        case .tokensRevoked(let user, let before): self = .revoked(user, before: before)
        }
    }

    private static func read(_ id: ConversationID, _ user: UserID, _ state: ReadState, toOthers: Bool) -> Delivery {
        func event(_ own: ReadMarker.OwnCount?) -> OutboundEvent {
            OutboundEvent(.read(ReadMarker(conversationID: id, userID: user, sequenceNumber: state.lastReadSequence, own: own)))
        }
        let own = ReadMarker.OwnCount(unreadCount: state.unreadCount, lastSequence: state.lastSequence)
        return .read(id, user, own: event(own), others: toOthers ? event(nil) : nil)
    }
}
