import ParleyModel

/// Walks messages in the order of their conversations and numbers, some at a time. A number that is used twice is seen
/// twice, also where one page ends between the two.
struct MessageHeadPages {
    private let source: any VerifiableMessages
    private let through: ConversationID?
    private let limit: Int
    private var place: MessagePlace?
    /// Those at `place` that were handed out.
    private var seen: Set<MessageID> = []
    private var isAtEnd = false

    /// - Parameter after: Where to begin: behind all messages of that conversation.
    init(_ source: any VerifiableMessages, after: ConversationID?, through: ConversationID?, limit: Int) {
        self.source = source
        self.through = through
        self.limit = limit
        place = after.map { MessagePlace(conversationID: $0, sequenceNumber: .max) }
    }

    /// The next ones; nil when there are none.
    mutating func next() async throws(StoreError) -> [MessageHead]? {
        guard !isAtEnd else { return nil }
        let page = try await source.heads(from: place, through: through, limit: limit)
        isAtEnd = page.count < limit
        let fresh = page.filter { !seen.contains($0.id) }
        guard let last = fresh.last else {
            // A whole page of one number: enough was said of it.
            guard !isAtEnd, let place else { return nil }
            self.place = MessagePlace(conversationID: place.conversationID, sequenceNumber: place.sequenceNumber + 1)
            return []
        }
        let end = MessagePlace(conversationID: last.conversationID, sequenceNumber: last.sequenceNumber)
        let handed = fresh.reversed().prefix { $0.conversationID == end.conversationID && $0.sequenceNumber == end.sequenceNumber }
        seen = end == place ? seen.union(handed.map(\.id)) : Set(handed.map(\.id))
        place = end
        return fresh
    }
}
