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

    /// Less than ``TypingService/intervalSeconds``: what a node says again after just that time may have been quicker on its way
    /// than the word before, and the node would not say it again for as long.
    private static let interval = Duration.seconds(TypingService.intervalSeconds - 0.5)

    private let told = Mutex(TwoGenerationCache<Place, Told>(capacity: 20_000))

    public init() {}

    /// Whether it is to be told: that somebody types, once in an interval; that they stopped, to those who were told that they
    /// began.
    public func isNews(_ isTyping: Bool, of user: UserID, in conversation: ConversationID) -> Bool {
        let (place, now) = (Place(conversation: conversation, user: user), ContinuousClock.now)
        return told.withLock { told in
            let last = told[place]
            let wasTyping = last?.isTyping == true
            let isRecent = last.map { now - $0.at < Self.interval } ?? false
            let isNews = isTyping ? !(wasTyping && isRecent) : wasTyping
            if isNews { told.insert(Told(isTyping: isTyping, at: now), for: place) }
            return isNews
        }
    }
}
