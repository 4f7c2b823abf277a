import Foundation
import ParleyCore
import ParleyModel
import ParleyMongo
import ParleyTesting
import Synchronization

extension MongoMessageStore {
    /// A node's store, with conversations that all exist.
    static func node(_ database: MongoDatabase) -> MongoMessageStore {
        MongoMessageStore(database, conversationExists: { $0 }, heads: { _ in ActivityHeads(mark: ActivityMark(0), sequences: [:]) })
    }

    func all(of conversation: ConversationID) async throws(StoreError) -> [Message] {
        var all: [Message] = []
        while true {
            let page = try await history(of: conversation, .after(all.last?.sequenceNumber ?? 0), limit: 1000)
            all += page.messages
            if !page.hasMore { return all }
        }
    }
}

/// The messages of a MongoDB store, whose conversations are kept elsewhere: in memory here, in PostgreSQL otherwise. The
/// memory learns of each message once it is stored, since its unread counts come from messages.
struct MirroredMessageStore: MessageStore {
    let store: MongoMessageStore
    private let mirror: Mirror

    init(_ database: MongoDatabase, conversations: InMemoryStore) {
        store = MongoMessageStore(
            database,
            conversationExists: { asked in
                var found: Set<ConversationID> = []
                for conversation in asked where await conversations.exists(conversation) { found.insert(conversation) }
                return found
            },
            heads: { await conversations.heads(after: $0) })
        mirror = Mirror(memory: conversations)
    }

    var appliesMetadata: Bool { false }

    func append(_ batch: [NewMessage]) async throws(StoreError) -> [AppendOutcome] {
        let outcomes = try await store.append(batch)
        let places = await mirror.take(outcomes.compactMap(\.storedMessage))
        return outcomes.map { outcome in
            guard case .stored(let message, _) = outcome, let place = places[message.id] else { return outcome }
            return .stored(message, place)
        }
    }

    func history(of conversation: ConversationID, _ query: HistoryQuery, limit: Int) async throws(StoreError) -> History {
        try await store.history(of: conversation, query, limit: limit)
    }

    func heads(after mark: ActivityMark?) async throws(StoreError) -> ActivityHeads { try await store.heads(after: mark) }

    func message(in conversation: ConversationID, from sender: UserID, clientMessageID: String) async throws(StoreError) -> Message? {
        try await store.message(in: conversation, from: sender, clientMessageID: clientMessageID)
    }
}

/// Hands messages to the memory in the order of their numbers, and tells their places in its log.
private actor Mirror {
    private let memory: InMemoryStore
    private var early: [ConversationID: [Int64: Message]] = [:]
    private var last: [ConversationID: Int64] = [:]
    private var places: [MessageID: LogPosition] = [:]

    init(memory: InMemoryStore) { self.memory = memory }

    func take(_ messages: [Message]) async -> [MessageID: LogPosition] {
        for message in messages { early[message.conversationID, default: [:]][message.sequenceNumber] = message }
        for message in messages {
            let conversation = message.conversationID
            while let next = early[conversation]?.removeValue(forKey: last[conversation, default: 0] + 1) {
                last[conversation] = next.sequenceNumber
                let outcome = await memory.append([NewMessage(next)])
                places[next.id] = outcome[0].position
            }
        }
        // Another call may be handing over what comes before.
        while !messages.allSatisfy({ places[$0.id] != nil }) { await Task.yield() }
        return places
    }
}

extension NewMessage {
    fileprivate init(_ message: Message) {
        self.init(
            id: message.id, conversationID: message.conversationID, senderID: message.senderID, clientMessageID: message.clientMessageID,
            messageType: message.messageType, content: message.content, mediaIDs: message.mediaIDs, createdAt: message.createdAt,
            preview: Sample.preview(of: message.content))
    }
}
