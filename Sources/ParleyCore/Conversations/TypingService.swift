public import ParleyModel
import Synchronization

/// Who is typing: told at once and never stored. Throttled for each user and conversation, so that a client that says it at
/// every key stroke costs its conversation nothing.
public final class TypingService: Sendable {
    /// Seconds between two `typing` events of one user in one conversation.
    public static let intervalSeconds = 3.0

    private struct Place: Hashable {
        let conversation: ConversationID
        let user: UserID
    }

    private struct Told {
        let isTyping: Bool
        let at: Timestamp
    }

    private let access: ConversationAccess
    private let sizes: ConversationSizes
    private let bus: any EventBus
    private let timeSource: any TimeSource
    private let maxParticipants: Int64
    private let told = Mutex(TwoGenerationCache<Place, Told>(capacity: 20_000))

    public init(
        access: ConversationAccess, sizes: ConversationSizes, bus: any EventBus, timeSource: any TimeSource,
        maxParticipants: Int64 = MarkerService.defaultMaxParticipants
    ) {
        self.access = access
        self.sizes = sizes
        self.bus = bus
        self.timeSource = timeSource
        self.maxParticipants = maxParticipants
    }

    /// Tells the others, unless they were told a moment ago or there are too many of them. Only who may write is typing.
    public func typing(_ isTyping: Bool, in id: ConversationID, as caller: Caller) async throws(ParleyError) {
        let user = try caller.requiredUser()
        try await access.require(.sendMessage, of: user, in: id)
        guard try await sizes.count(of: id) <= maxParticipants else { return }
        guard isDue(isTyping, Place(conversation: id, user: user)) else { return }
        await bus.publish([.typing(id, user, isTyping: isTyping)])
    }

    private func isDue(_ isTyping: Bool, _ place: Place) -> Bool {
        let now = timeSource.now()
        return told.withLock { told in
            let last = told[place]
            // That they began may have been said on another node; whether it was, ``TypingNews`` knows.
            let isDue = last.map { $0.isTyping != isTyping || now.seconds(since: $0.at) >= Self.intervalSeconds } ?? true
            if isDue { told.insert(Told(isTyping: isTyping, at: now), for: place) }
            return isDue
        }
    }
}
