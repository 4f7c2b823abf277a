public import ParleyCore
public import ParleyModel

/// Messages in memory beside conversations that are kept elsewhere: what an engine for messages is to one for
/// conversations, whose suites need one.
public actor InMemoryMessages: MessageStore, EffectLog, MessageFacts {
    private let store = InMemoryStore()
    private let exists: @Sendable (ConversationID) async throws(StoreError) -> Bool
    private var known: Set<ConversationID> = []
    /// By their numbers.
    private var messages: [ConversationID: [Message]] = [:]

    /// - Parameter exists: Whether there is such a conversation where those are kept.
    public init(exists: @escaping @Sendable (ConversationID) async throws(StoreError) -> Bool) {
        self.exists = exists
    }

    // MARK: The message store

    public nonisolated var appliesMetadata: Bool { false }

    public func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome] {
        for conversation in Set(batch.map(\.conversationID)) where !known.contains(conversation) {
            guard try await exists(conversation), known.insert(conversation).inserted else { continue }
            await store.createGroup(id: conversation, title: nil, creator: .random(), others: [], at: Sample.start)
        }
        let outcomes = await store.append(batch)
        for case .stored(let message, _) in outcomes { note(message) }
        return outcomes
    }

    /// Batches may come back from the store in another order than they were stored in.
    private func note(_ message: Message) {
        var noted = messages[message.conversationID] ?? []
        let place = noted.lastIndex { $0.sequenceNumber < message.sequenceNumber }.map { $0 + 1 } ?? 0
        noted.insert(message, at: place)
        messages[message.conversationID] = noted
    }

    public func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async -> History {
        await store.history(of: conversation, query, limit: limit)
    }

    public func heads(after mark: ActivityMark?) async -> ActivityHeads { await store.heads(after: mark) }

    public func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async -> Message? {
        await store.message(in: conversation, from: sender, clientMessageID: clientMessageID)
    }

    // MARK: The log

    public func checkpoint() async -> LogPosition { await store.checkpoint() }

    public func lastPosition() async -> LogPosition { await store.lastPosition() }

    public func messages(after position: LogPosition, limit: Int) async -> [LoggedMessage] {
        await store.messages(after: position, limit: limit)
    }

    public func advance(to position: LogPosition) async { await store.advance(to: position) }

    // MARK: Facts

    public func conversations(inWhichWasSent id: MediaID) -> [ConversationID] {
        messages.filter { $0.value.contains { $0.mediaIDs.contains(id) } }.map(\.key)
    }

    public func firstSequence(in conversations: [ConversationID], storedAfter time: Timestamp) -> [ConversationID: Int64] {
        var found: [ConversationID: Int64] = [:]
        for conversation in conversations {
            found[conversation] = messages[conversation]?.first { $0.createdAt > time }?.sequenceNumber
        }
        return found
    }

    public func sentCount(in conversation: ConversationID, by user: UserID, after: Int64, through: Int64) -> Int64 {
        let sent = messages[conversation]?.count { message in
            message.sequenceNumber > after && message.sequenceNumber <= through && message.senderID == user
        }
        return Int64(sent ?? 0)
    }
}
