import ParleyModel

/// Which conversations this node wants to hear of, and what the server has been told and has confirmed. Decides what to send
/// next; sends nothing itself.
struct SubscriptionLedger {
    struct Batch: Equatable {
        var subscribe: [ConversationID] = []
        var unsubscribe: [ConversationID] = []
    }

    private var references: [ConversationID: Int] = [:]
    /// What the server has been asked for over this connection.
    private var sent: Set<ConversationID> = []
    /// Conversations for which `references` and `sent` may differ.
    private var changed: Set<ConversationID> = []
    /// Confirmations that are due.
    private var awaited = 0
    /// Whether there is a connection.
    private(set) var isOpen = false

    /// One more who wants to hear of each of them. True when the server must be asked and it was not known until now.
    mutating func add(_ conversations: [ConversationID]) -> Bool {
        let wasUnchanged = changed.isEmpty
        for id in conversations {
            let count = (references[id] ?? 0) + 1
            references[id] = count
            if count == 1 { note(id) }
        }
        return wasUnchanged && !changed.isEmpty
    }

    /// One less. Those that nobody wanted are passed over.
    mutating func remove(_ conversations: [ConversationID]) -> Bool {
        let wasUnchanged = changed.isEmpty
        for id in conversations {
            guard let count = references[id] else { continue }
            references[id] = count > 1 ? count - 1 : nil
            if count == 1 { note(id) }
        }
        return wasUnchanged && !changed.isEmpty
    }

    /// Who leaves and comes back before the server was told changes nothing.
    private mutating func note(_ id: ConversationID) {
        if (references[id] != nil) == sent.contains(id) { changed.remove(id) } else { changed.insert(id) }
    }

    func wants(_ conversation: ConversationID) -> Bool { references[conversation] != nil }

    /// The next at most `limit` conversations to tell the server of; nil when there are none, or no connection.
    mutating func next(_ limit: Int) -> Batch? {
        guard isOpen, !changed.isEmpty else { return nil }
        var batch = Batch()
        for id in Array(changed.prefix(limit)) {
            changed.remove(id)
            if references[id] != nil {
                batch.subscribe.append(id)
                sent.insert(id)
            } else {
                batch.unsubscribe.append(id)
                sent.remove(id)
            }
        }
        return batch
    }

    mutating func sent(channels: Int) { awaited += channels }
    mutating func confirmed(channels: Int) { awaited -= channels }

    /// A new connection: the server knows nothing of us.
    mutating func opened() {
        sent = []
        changed = Set(references.keys)
        awaited = 0
        isOpen = true
    }

    mutating func closed() { isOpen = false }

    /// Whether the server has confirmed all that is wanted.
    var isSettled: Bool { isOpen && changed.isEmpty && awaited == 0 }
}
