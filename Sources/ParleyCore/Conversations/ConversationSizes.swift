import ParleyModel
import Synchronization

/// How many participants conversations have, for rules that depend on it. Cached; every change over the bus corrects it,
/// and without the bus an answer is at most a minute old.
public final class ConversationSizes: EventSink {
    private struct Known {
        let count: Int64
        let version: Int64
        let at: Timestamp
    }

    static let maxAgeSeconds = 60.0

    private let store: any ConversationStore
    private let timeSource: any TimeSource
    private let known: Mutex<TwoGenerationCache<ConversationID, Known>>

    public init(store: any ConversationStore, timeSource: any TimeSource, capacity: Int = 50_000) {
        self.store = store
        self.timeSource = timeSource
        known = Mutex(TwoGenerationCache(capacity: capacity))
    }

    /// 0 for an unknown conversation.
    func count(of conversation: ConversationID) async throws(ParleyError) -> Int64 {
        let now = timeSource.now()
        if let known = known.withLock({ $0[conversation] }), now.seconds(since: known.at) < Self.maxAgeSeconds { return known.count }
        let count: Int64
        do { count = try await store.participantCount(of: conversation) ?? 0 } catch { throw ParleyError(error) }
        // A change that was told meanwhile is newer than what was read.
        known.withLock { cache in
            guard cache[conversation].map({ $0.at < now }) ?? true else { return }
            cache.insert(Known(count: count, version: 0, at: now), for: conversation)
        }
        return count
    }

    public func receive(_ events: [BusEvent]) {
        for case .participantChanged(let change, _) in events {
            let now = timeSource.now()
            known.withLock { cache in
                guard cache[change.conversationID].map({ $0.version <= change.version }) ?? true else { return }
                cache.insert(Known(count: change.participantCount, version: change.version, at: now), for: change.conversationID)
            }
        }
    }
}
