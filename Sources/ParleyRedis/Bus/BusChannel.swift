import ParleyCore
import ParleyModel

/// The channels of the bus.
enum BusChannel: Equatable {
    /// `conversation:<id>`: the messages of a conversation, each as its JSON with media. A contract with other programs
    /// (DESIGN section 3).
    case messages(ConversationID)
    /// `parley:events:conversation:<id>`: what else those in a conversation are told. Between nodes of ours only.
    case conversation(ConversationID)
    /// `parley:events`: what every node must hear, whoever is online there.
    case everybody

    private static let messagesPrefix = "conversation:"
    private static let conversationPrefix = "parley:events:conversation:"
    private static let everybodyName = "parley:events"

    var name: String {
        switch self {
        case .messages(let id): Self.messagesPrefix + id.description
        case .conversation(let id): Self.conversationPrefix + id.description
        case .everybody: Self.everybodyName
        }
    }

    /// Nil for a name that is none of ours.
    init?(_ name: String) {
        if name == Self.everybodyName {
            self = .everybody
        } else if name.hasPrefix(Self.messagesPrefix), let id = ConversationID(name.dropFirst(Self.messagesPrefix.count)) {
            self = .messages(id)
        } else if name.hasPrefix(Self.conversationPrefix), let id = ConversationID(name.dropFirst(Self.conversationPrefix.count)) {
            self = .conversation(id)
        } else {
            return nil
        }
    }

    /// Where the event is told.
    ///
    /// A node with nobody of a conversation online has not subscribed to it, yet one of its users may be who was added; and
    /// every node, also one without sockets, keeps roles, sizes and revoked tokens in caches that these events correct.
    init(for event: BusEvent) {
        switch event {
        case .message(let id, _, _): self = .messages(id)
        case .conversationCreated, .participantChanged, .presence, .tokensRevoked: self = .everybody
        case .conversationChanged(let id, _), .muteChanged(let id, _, _), .notificationLevelChanged(let id, _, _),
            .read(let id, _, _, _), .delivered(let id, _, _), .receipts(let id, _), .typing(let id, _, _):
            self = .conversation(id)
        }
    }
}
