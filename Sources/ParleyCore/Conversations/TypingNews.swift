public import ParleyModel
import Synchronization

/// What has been said of who is typing, as far as those who listen on this node heard it. Each node tells of its own clients
/// only, and one user may type on several nodes: what together is too much, or known already, shows only where it is heard.
public final class TypingNews: Sendable {
    private struct Place: Hashable {
        let conversation: ConversationID
        let user: UserID
    }

    private struct Told {
        let isTyping: Bool
        let at: ContinuousClock.Instant
    }

    private let told = Mutex(TwoGenerationCache<Place, Told>(capacity: 20_000))

    public init() {}

    /// Whether it is to be told: that somebody types, once in ``TypingService/intervalSeconds``; that they stopped, to those
    /// who were told that they began.
    public func isNews(_ isTyping: Bool, of user: UserID, in conversation: ConversationID) -> Bool {
        let (place, now) = (Place(conversation: conversation, user: user), ContinuousClock.now)
        return told.withLock { told in
            let last = told[place]
            let wasTyping = last?.isTyping == true
            let isRecent = last.map { now - $0.at < .seconds(TypingService.intervalSeconds) } ?? false
            let isNews = isTyping ? !(wasTyping && isRecent) : wasTyping
            if isNews { told.insert(Told(isTyping: isTyping, at: now), for: place) }
            return isNews
        }
    }
}
