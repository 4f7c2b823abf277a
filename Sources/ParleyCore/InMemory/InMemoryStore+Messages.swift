public import ParleyModel

extension InMemoryStore: MessageStore {
    /// The caller applies metadata, as with stores that keep messages and conversations in different places.
    public nonisolated var appliesMetadata: Bool { false }

    public func append(_ batch: [NewMessage]) -> [AppendOutcome] {
        batch.map(append)
    }

    private func append(_ new: NewMessage) -> AppendOutcome {
        guard let number = conversations[new.conversationID]?.messages.count else { return .noConversation }
        if let first = message(in: new.conversationID, from: new.senderID, key: new.clientMessageID) { return .repeated(first) }
        let message = new.numbered(Int64(number) + 1)
        conversations[new.conversationID]?.store(message)
        log.append(message)
        return .stored(message, LogPosition(Int64(log.count)))
    }

    public func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) -> History {
        let messages = conversations[conversation]?.messages ?? []
        let page = query.page(of: messages.count, limit: limit)
        let hasBefore = page.lowerBound > 0
        let hasAfter = page.upperBound < messages.count
        let hasMore =
            switch query {
            case .newest, .before: hasBefore
            case .after: hasAfter
            case .around: hasBefore || hasAfter
            }
        return History(messages: Array(messages[page]), hasMore: hasMore, lastSequence: Int64(messages.count))
    }

    public func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) -> Message? {
        message(in: conversation, from: sender, key: clientMessageID)
    }

    private func message(in conversation: ConversationID, from sender: UserID, key: String?) -> Message? {
        guard let key, let record = conversations[conversation],
            let number = record.numbersByKey[MessageKey(sender: sender, clientMessageID: key)]
        else { return nil }
        return record.messages[number - 1]
    }
}

extension ConversationRecord {
    mutating func store(_ message: Message) {
        messages.append(message)
        if let key = message.clientMessageID {
            numbersByKey[MessageKey(sender: message.senderID, clientMessageID: key)] = messages.count
        }
    }
}

extension HistoryQuery {
    /// The places, from 0, of the wanted messages in a history of `count`.
    fileprivate func page(of count: Int, limit: Int) -> Range<Int> {
        /// The place of the first message whose number is higher.
        func place(after number: Int64) -> Int { Int(min(max(number, 0), Int64(count))) }
        switch self {
        case .newest:
            return max(0, count - limit)..<count
        case .after(let number):
            let start = place(after: number)
            return start..<min(count, start + limit)
        case .before(let number):
            let end = place(after: max(number, 1) - 1)
            return max(0, end - limit)..<end
        case .around(let number):
            let start = max(0, place(after: number) - (limit + 1) / 2)
            return start..<min(count, start + limit)
        }
    }
}
